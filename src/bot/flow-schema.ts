import { WahookError } from '../core/errors.ts';

/** What zod and its like have. */
interface SafeParser<Data> {
  safeParse(value: unknown): { readonly success: true; readonly data: Data } | { readonly success: false };
}

/** What libraries of the Standard Schema have (standardschema.dev, version 1). */
interface StandardSchema<Data> {
  readonly '~standard': {
    readonly validate: (value: unknown) => StandardResult<Data> | Promise<StandardResult<Data>>;
  };
}

type StandardResult<Data> =
  | { readonly value: Data; readonly issues?: undefined }
  | { readonly issues: readonly unknown[] };

/** Says whether a value has the form that the bot expects, and gives it that form. Must answer at once. */
export type FlowSchema<Data> = SafeParser<Data> | StandardSchema<Data>;

/** A check by this schema: the data, or undefined. @throws WahookError `invalid_bot` if it is no schema that we can ask */
export function flowCheck<Data>(schema: FlowSchema<Data>): (value: unknown) => { readonly data: Data } | undefined {
  if (isObject(schema) && 'safeParse' in schema && typeof schema.safeParse === 'function')
    return (value) => {
      const parsed = schema.safeParse(value);
      return parsed.success ? { data: parsed.data } : undefined;
    };
  if (isObject(schema) && '~standard' in schema) return (value) => standard(schema, value);
  throw new WahookError(
    'invalid_bot',
    'a schema of onFlow has neither safeParse (as zod has) nor ~standard (Standard Schema)',
  );
}

function standard<Data>(schema: StandardSchema<Data>, value: unknown): { readonly data: Data } | undefined {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) {
    result.catch(() => undefined);
    throw new WahookError('invalid_bot', 'a schema of onFlow must answer at once, without a promise');
  }
  return result.issues === undefined ? { data: result.value } : undefined;
}

/** Schemas of some libraries are functions. */
function isObject(schema: unknown): schema is object {
  return (typeof schema === 'object' && schema !== null) || typeof schema === 'function';
}
