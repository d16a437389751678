import { objectOf } from './content-checks.ts';
import { type GraphProblem, graphProblem } from './graph-problem.ts';
import { isObject, type JsonObject } from './json.ts';

/** A template in Meta's own form, as `GET /{WABA}/message_templates` tells it. */
export interface WireTemplate {
  readonly name: string;
  readonly language: string;
  readonly status: string;
  readonly category: string;
  readonly parameter_format: 'POSITIONAL' | 'NAMED';
  readonly components: readonly JsonObject[];
}

type Problem = GraphProblem | undefined;

const STATUSES: { readonly [status: string]: number } = { PAUSED: 132015, DISABLED: 132016 };

/** Buttons that must get a parameter, with the sub_type by which they get it. */
const NEEDY: { readonly [type: string]: string } = { COPY_CODE: 'copy_code', OTP: 'url', MPM: 'mpm' };

/** What Meta says to a send request with a template that it knows: by status, then header, body and buttons. */
export function templateMisfit(ofName: readonly WireTemplate[], sent: JsonObject): Problem {
  const code = objectOf(sent['language'])['code'];
  const template = ofName.find(({ language }) => language === code);
  if (template === undefined) return graphProblem(132001, `template name (${sent['name']}) does not exist in ${code}`);
  const { status, components } = template;
  if (status !== 'APPROVED') return graphProblem(STATUSES[status] ?? 132001, `template status is ${status}`);
  const given = (Array.isArray(sent['components']) ? sent['components'] : []).map(objectOf);
  return (
    headerMisfit(partOf(components, 'HEADER'), sentPart(given, 'header')) ??
    countMisfit('body', partOf(components, 'BODY'), sentPart(given, 'body')) ??
    buttonsMisfit(partOf(components, 'BUTTONS'), given)
  );
}

function headerMisfit(header: JsonObject, parameters: readonly JsonObject[]): Problem {
  const format = String(header['format'] ?? 'TEXT');
  if (format === 'TEXT') return countMisfit('header', header, parameters);
  const [type = 'UNKNOWN'] = parameters.map((parameter) => String(parameter['type']).toUpperCase());
  if (type === format) return undefined;
  return graphProblem(132012, `header: Format mismatch, expected ${format}, received ${type}`);
}

function countMisfit(what: string, { text }: JsonObject, parameters: readonly JsonObject[]): Problem {
  const places = new Set([...String(text ?? '').matchAll(/\{\{(\w+)\}\}/g)].map(([, place]) => place));
  if (parameters.length !== places.size)
    return graphProblem(
      132000,
      `${what}: number of localizable_params (${parameters.length}) does not match the expected number of params (${places.size})`,
    );
  const isNamed = [...places].some((place) => !/^\d+$/.test(String(place)));
  const isWrong = (parameter: JsonObject) =>
    isNamed ? !places.has(String(parameter['parameter_name'])) : parameter['parameter_name'] !== undefined;
  return parameters.some(isWrong)
    ? graphProblem(132000, `${what}: Parameter name is missing or empty, or is none of the template's`)
    : undefined;
}

function buttonsMisfit({ buttons }: JsonObject, given: readonly JsonObject[]): Problem {
  const known = (Array.isArray(buttons) ? buttons : []).map(objectOf);
  const sent = given.filter((component) => String(component['type']).toLowerCase() === 'button');
  const at = (index: number) => sent.find((component) => Number(component['index']) === index);
  for (const [index, { type, url }] of known.entries()) {
    const subType = NEEDY[String(type)] ?? (/\{\{\w+\}\}/.test(String(url)) ? 'url' : undefined);
    const found = at(index);
    if (subType !== undefined && found === undefined)
      return graphProblem(131008, `buttons: Button at index ${index} of type ${type} requires a parameter`);
    if (subType !== undefined && String(found?.['sub_type']).toLowerCase() !== subType)
      return graphProblem(132018, `buttons: Button at index ${index} is of type ${type}`);
  }
  const stray = sent.find((component) => Number(component['index']) >= known.length);
  return stray && graphProblem(132018, `buttons: There is no button at index ${stray['index']}`);
}

function partOf(components: readonly JsonObject[], type: string): JsonObject {
  return components.find((component) => component['type'] === type) ?? {};
}

function sentPart(given: readonly JsonObject[], type: string): readonly JsonObject[] {
  const parameters = given.find((component) => String(component['type']).toLowerCase() === type)?.['parameters'];
  return Array.isArray(parameters) ? parameters.filter(isObject) : [];
}
