/** Parts of forms: labelled fields with hint and error, one-button forms and confirmations. */
import type { Child } from 'hono/jsx'
import { Icon, type IconName } from './icons.tsx'

/** Name of the form field that carries the token against forged requests. */
export const csrfField = '_csrf'

/** The hidden token of a form. */
export function CsrfToken({ token }: { token: string }) {
  return <input type='hidden' name={csrfField} value={token} />
}

/** A labelled control with its hint and error. */
export function Field(
  { name, label, hint, error, children }: {
    name: string
    label: string
    hint?: string | undefined
    error?: string | undefined
    children: Child
  },
) {
  return (
    <div class='field gap-1.5' data-invalid={error === undefined ? undefined : 'true'}>
      <label for={name} class='text-sm font-medium'>{label}</label>
      {children}
      {hint && <p id={`${name}-hint`} class='text-xs text-muted-foreground'>{hint}</p>}
      {error && <p id={`${name}-error`} role='alert' class='text-xs text-danger-text'>{error}</p>}
    </div>
  )
}

/** A text-like input inside a {@link Field}. */
export function TextField(
  {
    name,
    label,
    value,
    type = 'text',
    hint,
    error,
    placeholder,
    autocomplete,
    required,
    min,
    max,
    step,
  }: {
    name: string
    label: string
    value?: string | undefined
    type?: 'text' | 'password' | 'number' | 'search'
    hint?: string
    error?: string | undefined
    placeholder?: string
    autocomplete?: string
    required?: boolean
    min?: string
    max?: string
    step?: string
  },
) {
  return (
    <Field name={name} label={label} hint={hint} error={error}>
      <input
        class='input'
        id={name}
        name={name}
        type={type}
        value={value}
        placeholder={placeholder}
        autocomplete={autocomplete ?? 'off'}
        required={required}
        min={min}
        max={max}
        step={step}
        aria-invalid={error === undefined ? undefined : 'true'}
        aria-describedby={describedBy(name, hint, error)}
      />
    </Field>
  )
}

/** Text of several lines inside a {@link Field}. */
export function TextArea(
  { name, label, hint, error, value = '', rows, required }: {
    name: string
    label: string
    hint?: string
    error?: string | undefined
    value?: string
    rows: number
    required?: boolean
  },
) {
  return (
    <Field name={name} label={label} hint={hint} error={error}>
      <textarea
        class='textarea font-mono text-xs'
        id={name}
        name={name}
        rows={rows}
        spellcheck={false}
        autocomplete='off'
        required={required}
        aria-invalid={error === undefined ? undefined : 'true'}
        aria-describedby={describedBy(name, hint, error)}
      >
        {value}
      </textarea>
    </Field>
  )
}

/** A choice from a list inside a {@link Field}. */
export function SelectField(
  { name, label, value, options, hint, error }: {
    name: string
    label: string
    value?: string | undefined
    options: readonly (readonly [value: string, label: string])[]
    hint?: string
    error?: string | undefined
  },
) {
  return (
    <Field name={name} label={label} hint={hint} error={error}>
      <select
        class='select w-full'
        id={name}
        name={name}
        aria-invalid={error === undefined ? undefined : 'true'}
        aria-describedby={describedBy(name, hint, error)}
      >
        {options.map(([option, text]) => (
          <option value={option} selected={option === (value ?? '')}>{text}</option>
        ))}
      </select>
    </Field>
  )
}

/** A button that posts to `action` at once. */
export function PostButton(
  { action, csrfToken, icon, label, variant = 'outline', size = 'sm', accessibleLabel }: {
    action: string
    csrfToken: string
    icon?: IconName
    label: string
    variant?: 'outline' | 'ghost' | 'danger' | 'primary'
    size?: 'sm' | 'xs' | 'default'
    accessibleLabel?: string
  },
) {
  return (
    <form method='post' action={action} class='contents'>
      <CsrfToken token={csrfToken} />
      <button
        type='submit'
        class='btn'
        data-variant={variant}
        data-size={size}
        aria-label={accessibleLabel}
      >
        {icon && <Icon name={icon} />}
        {label}
      </button>
    </form>
  )
}

/** A button that asks first. The question is a native popover, so it works without scripts and closes with Escape. */
export function ConfirmButton(
  {
    id,
    action,
    csrfToken,
    icon,
    label,
    question,
    consequence,
    confirmLabel,
    variant = 'outline',
    size = 'sm',
    accessibleLabel,
  }: {
    id: string
    action: string
    csrfToken: string
    icon: IconName
    label: string
    question: string
    consequence: string
    confirmLabel: string
    variant?: 'outline' | 'danger'
    /** `xs`: quiet, for a row of a table. @default 'sm' */
    size?: 'sm' | 'xs'
    accessibleLabel?: string
  },
) {
  return (
    <>
      <button
        type='button'
        class='btn'
        data-variant={size === 'xs' ? 'ghost' : variant}
        data-size={size}
        popovertarget={id}
        aria-label={accessibleLabel}
      >
        {size === 'sm' && <Icon name={icon} />}
        {label}
      </button>
      <div
        id={id}
        popover='auto'
        role='dialog'
        aria-labelledby={`${id}-question`}
        class='m-auto w-[min(26rem,calc(100vw-2rem))] rounded-xl border border-border bg-popover p-5 text-start whitespace-normal shadow-xl backdrop:bg-slate-950/50'
      >
        <h2 id={`${id}-question`} class='text-base font-semibold'>{question}</h2>
        <p class='mt-1.5 text-muted-foreground'>{consequence}</p>
        <div class='mt-5 flex justify-end gap-2'>
          <button
            type='button'
            class='btn'
            data-variant='outline'
            popovertarget={id}
            popovertargetaction='hide'
            autofocus
          >
            Go back
          </button>
          <PostButton
            action={action}
            csrfToken={csrfToken}
            label={confirmLabel}
            variant={variant === 'danger' ? 'danger' : 'primary'}
            size='default'
          />
        </div>
      </div>
    </>
  )
}

function describedBy(name: string, hint?: string, error?: string): string | undefined {
  const ids = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean)
  return ids.length === 0 ? undefined : ids.join(' ')
}
