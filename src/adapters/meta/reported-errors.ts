import type { Json, ReportedError } from '../../core/model.ts';
import { errorSchema } from './webhook-schema.ts';
import { isJsonArray } from './wire-json.ts';
import { withoutUndefined } from './without-undefined.ts';

/** The errors in a list of Meta's; undefined if it holds none that can be read. */
export function reportedErrors(list: Json | undefined): readonly ReportedError[] | undefined {
  if (!isJsonArray(list)) return undefined;
  const errors = list.flatMap((wire): ReportedError[] => {
    const { data } = errorSchema.safeParse(wire);
    if (data === undefined) return [];
    const details = typeof data.error_data === 'string' ? data.error_data : data.error_data?.details;
    return [withoutUndefined({ code: data.code, title: data.title ?? data.message, details })];
  });
  return errors.length > 0 ? errors : undefined;
}
