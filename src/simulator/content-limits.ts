import { type GraphProblem, graphProblem, invalidParameter } from './graph-problem.ts';
import { isObject, type JsonObject } from './json.ts';

/** What is wrong with the content of a message, or undefined. */
type Check = (content: JsonObject) => GraphProblem | undefined;

/** Meta does not say what it counts; UTF-16 units, the stricter of the two, as most clients do. */
function length(value: unknown): number {
  return typeof value === 'string' ? value.length : 0;
}

/** Limits of sub-parameters, worded as `#131009`. `name` in Meta's words, e.g. `Button title`. */
function lengthProblem(name: string, value: unknown, max: number, min = 1): GraphProblem | undefined {
  if (value === undefined && min > 0) return graphProblem(131008, `${name} is missing`);
  if (value !== undefined && typeof value !== 'string') return graphProblem(131009, `${name} must be a string`);
  if (length(value) >= min && length(value) <= max) return undefined;
  return graphProblem(131009, `${name} length invalid. Min length: ${min}, Max length: ${max}`);
}

/** Limits of the request's own parameters, worded as `#100`. `path` e.g. `text['body']`. */
function parameterProblem(path: string, value: unknown, max = Number.POSITIVE_INFINITY): GraphProblem | undefined {
  if (value === undefined || value === '') return invalidParameter(`The parameter ${path} is required.`);
  if (typeof value !== 'string') return invalidParameter(`Param ${path} must be a string.`);
  if (value.length > max) return invalidParameter(`Param ${path} must be at most ${max} characters long.`);
  return undefined;
}

const text: Check = ({ body, preview_url: previewUrl }) =>
  parameterProblem("text['body']", body, 4096) ??
  (previewUrl === undefined || typeof previewUrl === 'boolean'
    ? undefined
    : invalidParameter("Param text['preview_url'] must be a boolean."));

/** Exactly one of `id` and `link`; Meta fetches nothing but http(s). */
const media: Check = ({ id, link, caption }) => {
  if ((id === undefined) === (link === undefined))
    return graphProblem(100, 'Exactly one of the parameters id and link must be given.');
  if (id !== undefined) return parameterProblem('id', id);
  if (typeof link !== 'string' || !/^https?:\/\/\S+$/i.test(link))
    return graphProblem(131009, 'Media link is not a valid URL');
  return caption === undefined ? undefined : lengthProblem('Caption', caption, 1024, 0);
};

const template: Check = ({ name, language, components }) => {
  const code = isObject(language) ? language['code'] : undefined;
  const problem =
    parameterProblem("template['name']", name, 512) ?? parameterProblem("template['language']['code']", code, 16);
  if (problem || components === undefined) return problem;
  if (!Array.isArray(components)) return invalidParameter("Param template['components'] must be an array.");
  return firstProblem(components, templateComponent);
};

function templateComponent(component: unknown, index: number): GraphProblem | undefined {
  const path = `template['components'][${index}]`;
  if (!isObject(component)) return invalidParameter(`Param ${path} must be a JSON object.`);
  const { type, parameters, sub_type: subType, index: position } = component;
  if (!TEMPLATE_COMPONENTS.includes(String(type).toLowerCase()))
    return invalidParameter(
      `Param ${path}['type'] must be one of {${TEMPLATE_COMPONENTS.join(', ').toUpperCase()}} - got "${type}".`,
    );
  if (String(type).toLowerCase() === 'button' && (subType === undefined || position === undefined))
    return graphProblem(131008, 'Button component needs sub_type and index');
  if (parameters === undefined) return undefined;
  if (!Array.isArray(parameters)) return invalidParameter(`Param ${path}['parameters'] must be an array.`);
  return firstProblem(parameters, (parameter) =>
    isObject(parameter) && typeof parameter['type'] === 'string'
      ? undefined
      : graphProblem(131008, `Parameter of ${path} needs a type`),
  );
}

const TEMPLATE_COMPONENTS = ['header', 'body', 'button', 'limited_time_offer', 'carousel'];

const interactive: Check = (content) => {
  const { type, body, action, footer } = content;
  if (typeof type !== 'string') return graphProblem(131008, 'Interactive type is missing');
  if (!isObject(action)) return graphProblem(131008, 'Interactive action is missing');
  if (type !== 'button') return undefined;
  return (
    lengthProblem('Body text', isObject(body) ? body['text'] : undefined, 1024) ??
    (footer === undefined
      ? undefined
      : lengthProblem('Footer text', isObject(footer) ? footer['text'] : undefined, 60)) ??
    headerProblem(content['header']) ??
    buttonsProblem(action['buttons'])
  );
};

function headerProblem(header: unknown): GraphProblem | undefined {
  if (header === undefined) return undefined;
  const type = isObject(header) ? header['type'] : undefined;
  if (!isObject(header) || typeof type !== 'string') return graphProblem(131008, 'Header type is missing');
  if (type === 'text') return lengthProblem('Header text', header['text'], 60);
  if (!['image', 'video', 'document'].includes(type)) return graphProblem(131009, `Header type ${type} is not valid`);
  const file = header[type];
  return isObject(file) ? media(file) : graphProblem(131008, `Header ${type} is missing`);
}

function buttonsProblem(buttons: unknown): GraphProblem | undefined {
  if (!Array.isArray(buttons) || buttons.length < 1 || buttons.length > 3)
    return graphProblem(131009, 'Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3');
  const problem = firstProblem(buttons, (button) => {
    const reply = isObject(button) && button['type'] === 'reply' ? button['reply'] : undefined;
    if (!isObject(reply)) return graphProblem(131009, 'Button type must be reply');
    return lengthProblem('Button title', reply['title'], 20) ?? lengthProblem('Button id', reply['id'], 256);
  });
  if (problem) return problem;
  const replies = buttons.map((button: { reply: JsonObject }) => button.reply);
  for (const key of ['title', 'id'])
    if (new Set(replies.map((reply) => reply[key])).size < replies.length)
      return graphProblem(131009, `Button ${key}s must be unique`);
  return undefined;
}

function firstProblem<Item>(
  items: readonly Item[],
  check: (item: Item, index: number) => GraphProblem | undefined,
): GraphProblem | undefined {
  for (const [index, item] of items.entries()) {
    const problem = check(item, index);
    if (problem) return problem;
  }
  return undefined;
}

const location: Check = ({ latitude, longitude }) =>
  [latitude, longitude].every((value) => typeof value === 'number' || typeof value === 'string')
    ? undefined
    : graphProblem(131008, 'Location needs latitude and longitude');

const reaction: Check = ({ message_id: messageId, emoji }) =>
  parameterProblem("reaction['message_id']", messageId) ??
  (typeof emoji === 'string' ? undefined : invalidParameter("The parameter reaction['emoji'] is required."));

/**
 * One check per message type. Text, image, template and reply buttons know Meta's limits (meta's pages of 2025-11 to 2026-09);
 * of the others only what no message can do without is asked for.
 */
const CHECKS: { readonly [type: string]: Check } = {
  audio: media,
  document: media,
  image: media,
  interactive,
  location,
  reaction,
  sticker: media,
  template,
  text,
  video: media,
};

/** Known to Meta, without a check here. `contacts` is an array, so it is told apart. */
const MESSAGE_TYPES = [...Object.keys(CHECKS), 'contacts'].sort();

/** What Meta would refuse about the part of a send request that its `type` names. */
export function contentProblem(type: string, request: JsonObject): GraphProblem | undefined {
  if (!MESSAGE_TYPES.includes(type))
    return invalidParameter(`Param type must be one of {${MESSAGE_TYPES.join(', ').toUpperCase()}} - got "${type}".`);
  const content = request[type];
  if (content === undefined) return invalidParameter(`The parameter ${type} is required.`);
  if (type === 'contacts')
    return Array.isArray(content) && content.length > 0
      ? undefined
      : invalidParameter('Param contacts must be an array.');
  if (!isObject(content)) return invalidParameter(`Param ${type} must be a JSON object.`);
  return CHECKS[type]?.(content);
}
