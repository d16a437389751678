/** A setting that is wrong (`error`) or looks wrong (`warning`), explained for people. Never holds the value. */
export interface ConfigProblem {
  readonly variable: string;
  readonly severity: 'error' | 'warning';
  /** Continues the variable's name, e.g. `is not set`. */
  readonly what: string;
  readonly why: string;
  /** What to do; may have several lines. */
  readonly fix: string;
}

/** Variables whose environment is looked through for misspelled names. */
const PREFIX = 'WHATSAPP_';

/** Up to this many letters wrong still reads as the same name: `WHATSAPP_ACESS_TOKN` yes, `WHATSAPP_APP_ID` no. */
const TYPO_DISTANCE = 3;

const WIDTH = 80;

/** All problems, errors first, as text for a terminal: a paragraph each with what, why and fix. */
export function describeProblems(problems: readonly ConfigProblem[]): string {
  const errors = problems.filter((problem) => problem.severity === 'error');
  const warnings = problems.filter((problem) => problem.severity === 'warning');
  return [...errors, ...warnings].map(describe).join('\n\n');
}

function describe(problem: ConfigProblem): string {
  const mark = problem.severity === 'error' ? '✗' : '!';
  return [
    `${mark} ${problem.variable} ${problem.what}`,
    paragraph('  Why  ', problem.why),
    paragraph('  Fix  ', problem.fix),
  ].join('\n');
}

/** Breaks `text` at spaces; its own line breaks stay, its further lines stand under the first. */
function paragraph(label: string, text: string): string {
  const indent = ' '.repeat(label.length);
  const lines: string[] = [];
  for (const given of text.split('\n')) {
    let line = '';
    for (const word of given.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (line !== '' && label.length + longer.length > WIDTH) {
        lines.push(line);
        line = word;
      } else line = longer;
    }
    lines.push(line);
  }
  return lines.map((line, index) => `${index === 0 ? label : indent}${line}`).join('\n');
}

/** A warning for each name in the environment that is nearly, but not quite, one of `known`. */
export function misspelledVariables(names: readonly string[], known: readonly string[]): readonly ConfigProblem[] {
  const ours = known.filter((name) => name.startsWith(PREFIX));
  const strangers = names.filter((name) => name.startsWith(PREFIX) && !known.includes(name));
  return strangers.flatMap((name) => {
    const [nearest] = ours
      .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
      .filter(({ distance }) => distance <= TYPO_DISTANCE)
      .sort((a, b) => a.distance - b.distance);
    if (nearest === undefined) return [];
    return {
      variable: name,
      severity: 'warning',
      what: 'is set, but nothing reads it',
      why: `It looks like a slip of the keyboard: this service knows ${nearest.candidate}.`,
      fix: `Rename it to ${nearest.candidate}, or remove it.`,
    };
  });
}

/** Levenshtein: how many letters to add, drop or change. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...a].entries()) {
    const next = [index + 1];
    for (const [column, other] of [...b].entries()) {
      const changed = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
