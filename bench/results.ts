import { digits, median, table, withRange } from './figures.ts';
import type { Measured } from './section.ts';

/** A line of a table with the values of all rounds, in their order. */
export interface Line {
  readonly table: string;
  readonly row: string;
  readonly figures: Readonly<Record<string, readonly number[]>>;
}

/** What the rounds have measured, a line each. */
export function linesOf(rounds: readonly (readonly Measured[])[]): readonly Line[] {
  const groups = Map.groupBy(rounds.flat(), ({ table: name, row }) => `${name}\n${row}`);
  return [...groups.values()].map((group) => {
    const names = new Set(group.flatMap(({ figures }) => Object.keys(figures)));
    const values = (name: string) => group.map(({ figures }) => figures[name] ?? Number.NaN);
    const { table: title = '', row = '' } = group[0] ?? {};
    return { table: title, row, figures: Object.fromEntries([...names].map((name) => [name, values(name)])) };
  });
}

/** A Markdown table for each table name, with medians and ranges. */
export function tablesOf(lines: readonly Line[]): string {
  return [...Map.groupBy(lines, ({ table: name }) => name)]
    .map(([title, rows]) => {
      const columns = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))];
      const cells = rows.map(({ row, figures }) => [row, ...columns.map((column) => cell(figures[column]))]);
      return `${title}\n\n${table(['', ...columns], cells)}`;
    })
    .join('\n\n');
}

function cell(values: readonly number[] | undefined): string {
  return values === undefined ? '' : withRange(values, (value) => (value === 0 ? '0' : digits(value)));
}

/** A figure in relation to another one of the same run, or to nothing. */
export interface Goal {
  readonly what: string;
  /** Table, row (or how it begins) and figure. */
  readonly of: readonly [table: string, row: string, figure: string];
  readonly by?: readonly [table: string, row: string, figure: string];
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Judged {
  readonly what: string;
  readonly goal: string;
  /** Of each round; a ratio is taken within a round, so that what slows the whole machine for a while cancels out. */
  readonly values: readonly number[];
  readonly isReached: boolean;
}

/** The goals of which everything was measured. */
export function judge(goals: readonly Goal[], lines: readonly Line[]): readonly Judged[] {
  return goals.flatMap((goal) => {
    const values = valuesOf(goal.of, lines);
    const base = goal.by && valuesOf(goal.by, lines);
    if (values === undefined || (goal.by !== undefined && base === undefined)) return [];
    const all = base === undefined ? values : values.map((value, round) => value / (base[round] ?? Number.NaN));
    const { what, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = goal;
    const middle = median(all);
    const text = goal.atLeast === undefined ? `≤ ${goal.atMost}` : `≥ ${goal.atLeast}`;
    return [{ what, goal: text, values: all, isReached: middle >= atLeast && middle <= atMost }];
  });
}

function valuesOf([name, row, figure]: Goal['of'], lines: readonly Line[]): readonly number[] | undefined {
  return lines.find((line) => line.table === name && line.row.startsWith(row))?.figures[figure];
}

export function goalTable(judged: readonly Judged[]): string {
  const rows = judged.map(({ what, goal, values, isReached }) => {
    return [what, goal, withRange(values, (value) => (value === 0 ? '0' : digits(value))), isReached ? 'yes' : 'no'];
  });
  return table(['goal', '', 'measured', 'reached'], rows);
}
