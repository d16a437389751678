/**
 * The bytes that Meta puts on the wire for a value: minified JSON in ASCII without a trailing newline, every character above
 * U+007F as lower-case `\uXXXX` (an emoji as its surrogate pair) and `/` as `\/`. So in captured deliveries up to May 2026.
 * Whether `@`, `<` and `%` are escaped as well is not known; they are sent as they are.
 *
 * `{ text: '😀 a/b' }` → `{"text":"\ud83d\ude00 a\/b"}`
 */
export function wireJson(value: unknown): Buffer {
  const text = JSON.stringify(value)
    .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replaceAll('/', '\\/');
  return Buffer.from(text, 'ascii');
}
