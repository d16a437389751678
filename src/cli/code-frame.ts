import { readFileSync } from 'node:fs';

/** Lines shown above and below. */
const AROUND = 2;

/**
 * The lines around the place that a message begins with (`bot/shop.ts:12 does not parse …`), the one meant marked; empty if it
 * names none, or if that file cannot be read.
 */
export function codeFrame(message: string): string {
  const [, path = '', line] = /^(\S[^\n]*?):(\d+)(?::|\s)/.exec(message) ?? [];
  const lines = path === '' ? [] : linesOf(path);
  const meant = Number(line);
  if (!(meant >= 1 && meant <= lines.length)) return '';
  const first = Math.max(1, meant - AROUND);
  const last = Math.min(lines.length, meant + AROUND);
  const width = String(last).length;
  return lines
    .slice(first - 1, last)
    .map((text, index) => {
      const number = first + index;
      return `  ${number === meant ? '>' : ' '} ${String(number).padStart(width)} | ${text}`.trimEnd();
    })
    .join('\n');
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split(/\r?\n/);
  } catch {
    return [];
  }
}
