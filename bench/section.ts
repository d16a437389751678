/** Measured values by their names, which say their unit; a table shows them as columns in this order. */
export type Figures = Readonly<Record<string, number>>;

/** A line of a table. */
export interface Measured {
  /** The table that it belongs to. */
  readonly table: string;
  readonly row: string;
  readonly figures: Figures;
}

export interface Settings {
  /** Of each load. */
  readonly seconds: number;
}

/** What is measured in one go; the cases of all sections take turns in each round. */
export interface Case {
  /** For `--only`: the case itself, or the section that it is in. */
  readonly id: string;
  readonly section: string;
  run(settings: Settings): Promise<readonly Measured[]>;
}
