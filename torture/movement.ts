/**
 * Notices when a run gets nowhere. Only what was never seen before is movement: something that goes up and down, such as a
 * database that answers now and then, must not keep a run going for ever.
 */
export class Movement {
  readonly #best: number[] = [];
  #movedAt = performance.now();

  /** Always the same figures in the same order: `growing` that should grow, `shrinking` that should shrink; undefined: not known now. */
  note(growing: readonly number[], shrinking: readonly (number | undefined)[] = []): void {
    const figures = [...growing, ...shrinking.map((value) => (value === undefined ? undefined : -value))];
    for (const [index, figure] of figures.entries()) {
      if (figure === undefined || figure <= (this.#best[index] ?? Number.NEGATIVE_INFINITY)) continue;
      this.#best[index] = figure;
      this.#movedAt = performance.now();
    }
  }

  /** Since anything moved. */
  get stillForMs(): number {
    return performance.now() - this.#movedAt;
  }
}
