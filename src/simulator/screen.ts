import { isObject, type JsonObject } from './json.ts';

/** What a customer sees of a message of the business, read off its send request. */
export interface Screen {
  /** Body or caption. */
  readonly text?: string;
  /** Titles of the reply buttons under it. */
  readonly buttons?: readonly string[];
  /** Titles of the rows of its list, over all sections. */
  readonly rows?: readonly string[];
}

export interface ListRow {
  readonly id: string;
  readonly title: string;
  readonly description?: string;
}

export function screenOf(request: JsonObject): Screen {
  const text = textOf(request);
  const buttons = replyButtonsOf(request).map(({ title }) => title);
  const rows = listRowsOf(request).map(({ title }) => title);
  return {
    ...(text === undefined ? {} : { text }),
    ...(buttons.length === 0 ? {} : { buttons }),
    ...(rows.length === 0 ? {} : { rows }),
  };
}

/** The reply buttons of a send request that passed the checks. */
export function replyButtonsOf(request: JsonObject): readonly { readonly id: string; readonly title: string }[] {
  const interactive = request['interactive'];
  const action = isObject(interactive) ? interactive['action'] : undefined;
  const buttons = isObject(action) ? action['buttons'] : undefined;
  if (!Array.isArray(buttons)) return [];
  return buttons.flatMap((button) => {
    const reply = isObject(button) ? button['reply'] : undefined;
    return isObject(reply) ? [{ id: String(reply['id']), title: String(reply['title']) }] : [];
  });
}

/** The rows of a list in a send request that passed the checks, over all sections. */
export function listRowsOf(request: JsonObject): readonly ListRow[] {
  const interactive = request['interactive'];
  const action = isObject(interactive) ? interactive['action'] : undefined;
  const sections = isObject(action) && Array.isArray(action['sections']) ? action['sections'] : [];
  const rows = sections.flatMap((section) =>
    isObject(section) && Array.isArray(section['rows']) ? section['rows'] : [],
  );
  return rows.flatMap((row) => {
    if (!isObject(row)) return [];
    const { id, title, description } = row;
    return [{ id: String(id), title: String(title), ...(typeof description === 'string' ? { description } : {}) }];
  });
}

function textOf(request: JsonObject): string | undefined {
  const content = request[String(request['type'] ?? 'text')];
  if (!isObject(content)) return undefined;
  const body = content['body'];
  const text = isObject(body) ? body['text'] : (body ?? content['caption']);
  return typeof text === 'string' ? text : undefined;
}
