import { type GraphProblem, graphProblem, invalidParameter } from './graph-problem.ts';
import { isObject, type JsonObject } from './json.ts';

/** What is wrong with the content of a message, or undefined. */
export type Check = (content: JsonObject) => GraphProblem | undefined;

/** Limits of sub-parameters, worded as `#131009`. `name` in Meta's words, e.g. `Button title`. Counts UTF-16 units. */
export function lengthProblem(name: string, value: unknown, max: number, min = 1): GraphProblem | undefined {
  if (value === undefined) return min > 0 ? graphProblem(131008, `${name} is missing`) : undefined;
  if (typeof value !== 'string') return graphProblem(131009, `${name} must be a string`);
  if (value.length >= min && value.length <= max) return undefined;
  return graphProblem(131009, `${name} length invalid. Min length: ${min}, Max length: ${max}`);
}

/** Limits of the request's own parameters, worded as `#100`. `path` e.g. `text['body']`. */
export function parameterProblem(
  path: string,
  value: unknown,
  max = Number.POSITIVE_INFINITY,
): GraphProblem | undefined {
  if (value === undefined || value === '') return invalidParameter(`The parameter ${path} is required.`);
  if (typeof value !== 'string') return invalidParameter(`Param ${path} must be a string.`);
  if (value.length > max) return invalidParameter(`Param ${path} must be at most ${max} characters long.`);
  return undefined;
}

/** Worded as `#131009`, e.g. `Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3`. */
export function countProblem(name: string, items: unknown, min: number, max: number): GraphProblem | undefined {
  if (Array.isArray(items) && items.length >= min && items.length <= max) return undefined;
  return graphProblem(131009, `Invalid ${name} count. Min allowed ${name}: ${min}, Max allowed ${name}: ${max}`);
}

export function rangeProblem(name: string, value: unknown, min: number, max: number): GraphProblem | undefined {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return undefined;
  return graphProblem(131009, `${name} must be a whole number from ${min} to ${max}`);
}

export function firstProblem<Item>(
  items: unknown,
  check: (item: Item, index: number) => GraphProblem | undefined,
): GraphProblem | undefined {
  for (const [index, item] of (Array.isArray(items) ? items : []).entries()) {
    const problem = check(item, index);
    if (problem) return problem;
  }
  return undefined;
}

/** Checks that are made one after the other, until one finds a problem. */
export function inTurn(...checks: readonly (() => GraphProblem | undefined)[]): GraphProblem | undefined {
  return firstProblem(checks, (check: () => GraphProblem | undefined) => check());
}

/** An empty one for what is no object. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The object under a key, or an empty one. */
export function under(holder: unknown, key: string): JsonObject {
  return objectOf(objectOf(holder)[key]);
}

/** Exactly one of `id` and `link`; Meta fetches nothing but http(s). */
export const media: Check = ({ id, link, caption }) => {
  if ((id === undefined) === (link === undefined))
    return graphProblem(100, 'Exactly one of the parameters id and link must be given.');
  if (id !== undefined) return parameterProblem('id', id) ?? lengthProblem('Caption', caption, 1024, 0);
  if (typeof link !== 'string' || !/^https?:\/\/\S+$/i.test(link))
    return graphProblem(131009, 'Media link is not a valid URL');
  return lengthProblem('Caption', caption, 1024, 0);
};

/** As a number, or as text. */
export const location: Check = ({ latitude, longitude }) => {
  for (const [name, value, max] of [
    ['latitude', latitude, 90],
    ['longitude', longitude, 180],
  ] as const) {
    if (value === undefined || value === '') return graphProblem(131008, 'Location needs latitude and longitude');
    if (!(Math.abs(Number(value)) <= max)) return graphProblem(131009, `Location ${name} is not valid`);
  }
  return undefined;
};

export function uniqueProblem(name: string, values: readonly unknown[]): GraphProblem | undefined {
  return new Set(values).size < values.length ? graphProblem(131009, `${name} must be unique`) : undefined;
}
