/** A Markdown table: columns are a title and what to show of a row. */
export function table(rows, columns) {
  const line = cells => `| ${cells.join(' | ')} |`
  const titles = Object.keys(columns)
  const align = titles.map((_, index) => (index === 0 ? '---' : '---:'))
  return [line(titles), line(align), ...rows.map(row => line(Object.values(columns).map(show => show(row))))].join('\n')
}

/** A number with about three digits, thousands apart. */
export function number(value, unit = '') {
  if (value === undefined || !Number.isFinite(value)) return '–'
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  const rounded = Number(value.toPrecision(3))
  const text = rounded.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 4) })
  return unit ? `${text} ${unit}` : text
}

export const ms = nanoseconds => number(nanoseconds / 1e6)
