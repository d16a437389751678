import { isObject, type JsonObject } from '../simulator/json.ts';
import { listRowsOf, replyButtonsOf } from '../simulator/screen.ts';
import type { TranscriptRecord } from '../simulator/world.ts';

/** A message in one line, as a person would tell it: text, then in brackets what can be tapped, then how far it came. */
export function messageLine(record: TranscriptRecord): string {
  const request = record.direction === 'inbound' ? record.message : record.request;
  const parts = [bodyOf(record.type, request), choicesOf(request)];
  const status = record.direction === 'outbound' ? record.statuses.at(-1)?.status : undefined;
  if (status !== undefined) parts.push(`(${status})`);
  return parts.filter((part) => part !== '').join('  ');
}

/** The text that a customer sees: body or caption. */
export function textOf(type: string, message: JsonObject): string | undefined {
  const content = message[type];
  if (!isObject(content)) return undefined;
  const body = content['body'];
  const text = isObject(body) ? body['text'] : (body ?? content['caption']);
  return typeof text === 'string' ? text : undefined;
}

function bodyOf(type: string, message: JsonObject): string {
  const text = textOf(type, message);
  if (type === 'text' && text !== undefined) return oneLine(text);
  if (type === 'interactive') return text === undefined ? replyOf(message) : oneLine(text);
  const detail = text ?? detailOf(message[type]);
  return detail === undefined ? `[${type}]` : `[${type}] ${oneLine(detail)}`;
}

/** A customer's choice: its title and its id. */
function replyOf(message: JsonObject): string {
  const interactive = message['interactive'];
  const kind = isObject(interactive) ? String(interactive['type']) : '';
  const reply = isObject(interactive) ? interactive[kind] : undefined;
  return isObject(reply) ? `[${kind}] ${reply['title']} (${reply['id']})` : `[interactive ${kind}]`;
}

function choicesOf(message: JsonObject): string {
  const choices = [...replyButtonsOf(message), ...listRowsOf(message)];
  return choices.map(({ title, id }) => `[${title} (${id})]`).join(' ');
}

function detailOf(content: unknown): string | undefined {
  if (!isObject(content)) return undefined;
  const { name, link, filename, emoji, latitude, longitude, message } = content;
  if (latitude !== undefined) return `${latitude}, ${longitude}`;
  if (isObject(message)) return textOf(String(message['type']), message);
  const found = [name, link, filename, emoji].find((value) => typeof value === 'string');
  return found === undefined ? undefined : String(found);
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s*\n\s*/g, ' ⏎ ');
  return line.length > 160 ? `${line.slice(0, 160)}… (${text.length} characters)` : line;
}
