/** The controls of a plugin's configuration. */
import { type ConfigField, fieldPrefix } from './config-form.ts'
import { SelectField, TextArea, TextField } from './forms.tsx'

/** One control for each field; `errors` by the name of the property. */
export function ConfigFields(
  { fields, errors }: {
    fields: readonly ConfigField[]
    errors: Readonly<Record<string, string>>
  },
) {
  return (
    <div class='grid gap-4 md:grid-cols-2'>
      {fields.map((field) => <ConfigControl field={field} error={errors[field.name]} />)}
    </div>
  )
}

function ConfigControl({ field, error }: { field: ConfigField; error: string | undefined }) {
  const { name, kind, hint, value } = field
  const common = {
    name: fieldPrefix + name,
    label: field.isRequired ? `${field.label} (required)` : field.label,
    ...hint !== '' && { hint },
    value,
    error,
  }
  switch (kind) {
    case 'boolean':
      return <SelectField {...common} options={[unset(field), ['true', 'Yes'], ['false', 'No']]} />
    case 'choice':
      return (
        <SelectField
          {...common}
          options={[unset(field), ...field.choices.map((choice) => [choice, choice] as const)]}
        />
      )
    case 'list':
    case 'json':
      return <TextArea {...common} rows={kind === 'list' ? 3 : 5} />
    case 'number':
    case 'integer':
      return (
        <TextField
          {...common}
          type='number'
          step={kind === 'integer' ? '1' : 'any'}
          placeholder={field.placeholder}
          {...field.min !== undefined && { min: String(field.min) }}
          {...field.max !== undefined && { max: String(field.max) }}
        />
      )
    case 'text':
    case 'reference':
      return (
        <TextField
          {...common}
          placeholder={kind === 'reference' ? 'secret/…' : field.placeholder}
        />
      )
  }
}

function unset({ placeholder }: ConfigField): readonly [string, string] {
  return ['', placeholder === '' ? 'not set' : `not set: ${placeholder}`]
}
