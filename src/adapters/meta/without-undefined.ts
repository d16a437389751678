type OptionalKey<Fields> = { [Key in keyof Fields]: undefined extends Fields[Key] ? Key : never }[keyof Fields];

/** `Fields` with everything that may be undefined turned into something that may be absent. */
export type WithoutUndefined<Fields> = Omit<Fields, OptionalKey<Fields>> & {
  [Key in OptionalKey<Fields> & keyof Fields]?: Exclude<Fields[Key], undefined>;
};

/** Leaves out the fields that are undefined: the model knows absent fields only. For objects of our own keys. */
export function withoutUndefined<const Fields extends object>(fields: Fields): WithoutUndefined<Fields> {
  const present: Partial<Fields> = {};
  // Several times in every event: this loop takes half the time of filtering entries.
  for (const key of Object.keys(fields) as (keyof Fields)[]) if (fields[key] !== undefined) present[key] = fields[key];
  return present as WithoutUndefined<Fields>;
}
