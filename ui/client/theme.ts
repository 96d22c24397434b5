/** Runs before the first paint: dark when the visitor chose so, or their system does and they chose nothing. */

const root = document.documentElement
const systemDark = matchMedia('(prefers-color-scheme: dark)')

function applyTheme(): void {
  const chosen = root.dataset['theme'] ?? 'system'
  root.classList.toggle('dark', chosen === 'dark' || (chosen === 'system' && systemDark.matches))
}

systemDark.addEventListener('change', applyTheme)
applyTheme()
