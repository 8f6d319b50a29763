/** Describes a value in an error's message: a short value itself, otherwise its kind. */
export function described(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
    case 'symbol':
      return 'a symbol'
    case 'bigint':
      return `${value}n`
    case 'function':
      return isClass(value) ? `the class ${value.name}` : 'a function'
    case 'object':
      return value === null ? 'null' : kind(value)
    default:
      return String(value)
  }
}

/** Whether `await` would wait for a value. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** Whether an object is a plain one, of any realm: `{}`, or without a prototype. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function isClass(value: Function): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value))
}

function kind(value: object): string {
  if (Array.isArray(value)) return 'an array'
  if (isPromise(value)) return 'a promise'
  const name = isPlain(value) ? 'object' : ((value.constructor as Function | undefined)?.name || 'object')
  return `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`
}
