import type { Json } from '../../core/model.ts';
import type { QuarantineReason } from '../../core/ports/receiving.ts';

/** Why a store could not take a value. */
export type Flaw = Extract<QuarantineReason, 'nul_character' | 'lone_surrogate' | 'too_deep'>;

/** Real payloads need 12 or so; `JSON.stringify` and the JSON of a database give up at some thousand. */
const DEEPEST = 64;

/**
 * Looks for what PostgreSQL's jsonb refuses, which would fail a whole batch: U+0000 (22P05) or half of a surrogate pair
 * (22P02) in a string or key, and for arrays and objects nested deeper than 64. Iterative: no input overflows the stack.
 */
export function findFlaw(value: Json | undefined): Flaw | undefined {
  if (typeof value === 'string') return textFlaw(value);
  let level: object[] = typeof value === 'object' && value !== null ? [value] : [];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > DEEPEST) return 'too_deep';
    const deeper: object[] = [];
    for (const container of level) {
      const flaw = collect(container, deeper);
      if (flaw !== undefined) return flaw;
    }
    level = deeper;
  }
  return undefined;
}

/** Checks the keys and strings of one array or object, and adds the arrays and objects inside to `deeper`. */
function collect(container: object, deeper: object[]): Flaw | undefined {
  const isArray = Array.isArray(container);
  for (const [key, inner] of Object.entries(container)) {
    const flaw = (isArray ? undefined : textFlaw(key)) ?? (typeof inner === 'string' ? textFlaw(inner) : undefined);
    if (flaw !== undefined) return flaw;
    if (typeof inner === 'object' && inner !== null) deeper.push(inner);
  }
  return undefined;
}

function textFlaw(text: string): Flaw | undefined {
  if (text.includes('\u0000')) return 'nul_character';
  return text.isWellFormed() ? undefined : 'lone_surrogate';
}
