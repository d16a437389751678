import type { CustomerContent } from './customer-messages.ts';
import type { NewCustomer } from './customers.ts';
import type { Fault, FaultMatch } from './faults.ts';
import { isObject, type JsonObject, parseJson } from './json.ts';
import { SimulatorError } from './simulator-error.ts';

/** What a caller of the control API waits for. */
export interface Wait {
  readonly until?: 'ack' | 'reply';
  readonly timeoutMs?: number;
  /** After a reply also for further ones, until none has come for so long. */
  readonly quietMs?: number;
}

const MATCH_KINDS = ['message', 'status', 'raw', 'receipt'] as const;
const DROPS = ['timeout', 'accept_then_timeout', 'reset', 'accept_then_reset'] as const;

/** Reads named fields of one JSON object and complains in words that help. All `read…` throw SimulatorError `invalid`. */
class Fields {
  readonly #object: JsonObject;

  constructor(value: unknown) {
    if (!isObject(value)) throw new SimulatorError('invalid', 'The body must be a JSON object.');
    this.#object = value;
  }

  optional<Value>(name: string, what: string, is: (value: unknown) => value is Value): { [key: string]: Value } {
    const value = this.#object[name];
    if (value === undefined) return {};
    if (is(value)) return { [name]: value };
    throw new SimulatorError('invalid', `${name} must be ${what}.`);
  }

  required<Value>(name: string, what: string, is: (value: unknown) => value is Value): Value {
    const value = this.optional(name, what, is)[name];
    if (value === undefined) throw new SimulatorError('invalid', `${name} is missing; it must be ${what}.`);
    return value;
  }

  text(name: string): string {
    return this.required(name, 'a string', isString);
  }

  texts(...names: string[]): { [key: string]: string } {
    return Object.assign({}, ...names.map((name) => this.optional(name, 'a string', isString)));
  }

  number(name: string): number {
    return this.required(name, 'a number', isNumber);
  }

  numbers(...names: string[]): { [key: string]: number } {
    return Object.assign({}, ...names.map((name) => this.optional(name, 'a number', isNumber)));
  }

  oneOf<const Word extends string>(name: string, words: readonly Word[]): Word {
    return this.required(name, `one of ${words.join(', ')}`, isOneOf(words));
  }
}

const isString = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const isAnyNumber = (value: unknown): value is number => typeof value === 'number';
const isOneOf =
  <Word extends string>(words: readonly Word[]) =>
  (value: unknown): value is Word =>
    words.some((word) => word === value);

/** @throws SimulatorError `invalid` */
export function readJsonBody(body: Buffer): unknown {
  const value = body.byteLength === 0 ? {} : parseJson(body.toString('utf8'));
  if (value === undefined) throw new SimulatorError('invalid', 'The body is not JSON.');
  return value;
}

/** From the body of a message, or from the query (where numbers are text). @throws SimulatorError `invalid` */
export function readWait({ wait, timeoutMs }: { readonly wait?: unknown; readonly timeoutMs?: unknown }): Wait {
  const limitMs = timeoutMs === undefined ? undefined : Number(timeoutMs);
  const fields = new Fields({ wait, timeoutMs: limitMs });
  const until = fields.optional('wait', 'ack or reply', isOneOf(['ack', 'reply'] as const))['wait'];
  return { ...(until === undefined ? {} : { until }), ...fields.numbers('timeoutMs') };
}

/** @throws SimulatorError `invalid` */
export function readMessage(value: unknown): { from: string; content: CustomerContent; wait: Wait } {
  const fields = new Fields(value);
  return {
    from: fields.texts('from')['from'] ?? 'ana',
    content: readContent(fields),
    wait: { ...readWait(value as JsonObject), ...fields.numbers('quietMs') },
  };
}

function readContent(fields: Fields): CustomerContent {
  const type = fields.oneOf('type', [
    'text',
    'image',
    'video',
    'audio',
    'document',
    'sticker',
    'location',
    'tap',
    'pick',
    'raw',
  ]);
  switch (type) {
    case 'text':
      return { type, text: fields.text('text'), ...fields.texts('replyTo') };
    case 'image':
    case 'video':
      return { type, ...fields.texts('caption', 'mimeType', 'data') };
    case 'audio':
      return { type, ...fields.texts('mimeType', 'data'), ...fields.optional('voice', 'a boolean', isBoolean) };
    case 'document':
      return { type, ...fields.texts('caption', 'filename', 'mimeType', 'data') };
    case 'sticker':
      return { type, ...fields.texts('mimeType', 'data'), ...fields.optional('animated', 'a boolean', isBoolean) };
    case 'location':
      return {
        type,
        latitude: fields.required('latitude', 'a number', isAnyNumber),
        longitude: fields.required('longitude', 'a number', isAnyNumber),
        ...fields.texts('name', 'address'),
      };
    case 'tap':
    case 'pick':
      return { type, ...fields.texts('id', 'title') };
    case 'raw':
      return { type, message: fields.required('message', 'an object', isObject) };
  }
}

/** @throws SimulatorError `invalid` */
export function readCustomer(value: unknown): NewCustomer {
  const fields = new Fields(value);
  return { id: fields.text('id'), ...fields.texts('name', 'phone', 'username', 'userId') };
}

/** @throws SimulatorError `invalid` */
export function readFault(value: unknown): Fault {
  const fields = new Fields(value);
  const common = { ...readMatch(value as JsonObject), ...readTrigger(value as JsonObject) };
  const on = fields.oneOf('on', ['webhook', 'graph']);
  if (on === 'webhook') {
    const deed = fields.oneOf('do', ['duplicate']);
    return { on, do: deed, times: fields.number('times'), ...fields.numbers('gapMs'), ...common };
  }
  const deed = fields.oneOf('do', ['error', 'answer', 'accept_then_fail', ...DROPS]);
  switch (deed) {
    case 'error':
      return {
        on,
        do: deed,
        code: fields.number('code'),
        ...fields.numbers('subcode', 'status'),
        ...fields.texts('details'),
        ...common,
      };
    case 'accept_then_fail':
      return { on, do: deed, code: fields.number('code'), ...fields.texts('details'), ...common };
    case 'answer':
      return {
        on,
        do: deed,
        status: fields.number('status'),
        body: fields.text('body'),
        ...fields.texts('contentType'),
        ...common,
      };
    default:
      return { on, do: deed, ...common };
  }
}

function readMatch(value: JsonObject): { match?: FaultMatch } {
  if (value['match'] === undefined) return {};
  const fields = new Fields(value['match']);
  const kind = fields.optional('kind', `one of ${MATCH_KINDS.join(', ')}`, isOneOf(MATCH_KINDS))['kind'];
  return { match: { ...(kind === undefined ? {} : { kind }), ...fields.texts('customer', 'type') } };
}

function readTrigger(value: JsonObject): { for?: { next: number } | 'always' } {
  const trigger = value['for'];
  if (trigger === undefined) return {};
  return { for: trigger === 'always' ? trigger : { next: new Fields(trigger).number('next') } };
}
