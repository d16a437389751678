import {
  type Check,
  firstProblem,
  lengthProblem,
  location,
  media,
  parameterProblem,
  rangeProblem,
} from './content-checks.ts';
import { type GraphProblem, graphProblem, invalidParameter } from './graph-problem.ts';
import { interactive } from './interactive-limits.ts';
import { isObject, type JsonObject } from './json.ts';
import { template } from './template-limits.ts';

const text: Check = ({ body, preview_url: previewUrl }) =>
  parameterProblem("text['body']", body, 4096) ??
  (previewUrl === undefined || typeof previewUrl === 'boolean'
    ? undefined
    : invalidParameter("Param text['preview_url'] must be a boolean."));

/** Without a caption, of which a sticker or an audio has none. */
const bareMedia: Check = (content) =>
  content['caption'] === undefined ? media(content) : invalidParameter('Unexpected key "caption".');

const audio: Check = (content) =>
  bareMedia(content) ??
  (content['voice'] === undefined || typeof content['voice'] === 'boolean'
    ? undefined
    : invalidParameter("Param audio['voice'] must be a boolean."));

const document: Check = (content) => media(content) ?? lengthProblem('Filename', content['filename'], 1_000, 0);

const reaction: Check = ({ message_id: messageId, emoji }) =>
  parameterProblem("reaction['message_id']", messageId) ??
  (typeof emoji === 'string' ? undefined : invalidParameter("The parameter reaction['emoji'] is required."));

const pin: Check = ({ type, message_id: messageId, expiration_days: days }) => {
  if (type !== 'pin' && type !== 'unpin')
    return invalidParameter(`Param pin['type'] must be one of {PIN, UNPIN} - got "${type}".`);
  return (
    parameterProblem("pin['message_id']", messageId) ??
    (type === 'pin' ? rangeProblem('expiration_days', days, 1, 30) : undefined)
  );
};

/** One check per message type, by Meta's pages of 2025-11 to 2026-09. */
const CHECKS: { readonly [type: string]: Check } = {
  audio,
  document,
  image: media,
  interactive,
  location,
  pin,
  reaction,
  sticker: bareMedia,
  template,
  text,
  video: media,
};

/** `contacts` is an array, so it is told apart. */
const MESSAGE_TYPES = [...Object.keys(CHECKS), 'contacts'].sort();

/** What Meta would refuse about the part of a send request that its `type` names. */
export function contentProblem(type: string, request: JsonObject): GraphProblem | undefined {
  if (!MESSAGE_TYPES.includes(type))
    return invalidParameter(`Param type must be one of {${MESSAGE_TYPES.join(', ').toUpperCase()}} - got "${type}".`);
  const content = request[type];
  if (content === undefined) return invalidParameter(`The parameter ${type} is required.`);
  if (type === 'contacts') return contactsProblem(content);
  if (!isObject(content)) return invalidParameter(`Param ${type} must be a JSON object.`);
  if (type === 'pin' && request['recipient_type'] !== 'group')
    return graphProblem(131009, 'Only in a group can a message be pinned');
  return CHECKS[type]?.(content);
}

function contactsProblem(contacts: unknown): GraphProblem | undefined {
  if (!Array.isArray(contacts) || contacts.length === 0) return invalidParameter('Param contacts must be an array.');
  if (contacts.length > 257) return invalidParameter('Param contacts must have at most 257 elements.');
  return firstProblem(contacts, (contact: unknown, index) => {
    const name = isObject(contact) ? contact['name'] : undefined;
    return parameterProblem(
      `contacts[${index}]['name']['formatted_name']`,
      isObject(name) ? name['formatted_name'] : undefined,
    );
  });
}
