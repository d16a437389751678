import { parseArgs } from 'node:util';
import { argumentProblem } from './argument-problem.ts';

export const USAGE = `Has a customer of the local Meta write to the running development server, and prints what the bot replies.

  npm run trigger -- text "hi"
  npm run trigger -- text "hi" --from kim        from Kim, who has a user name and no phone number
  npm run trigger -- choices                     what there is to tap and to pick in the bot's last message
  npm run trigger -- tap "Track my order"        tap a reply button of it: by title, id or number
  npm run trigger -- pick 2                      pick a row of its list: by title, id or number
  npm run trigger -- location 38.71 -9.14 Home   send a place: latitude, longitude, perhaps a name

  --from NAME     customer (default ana)
  --timeout S     seconds to wait for the reply (default 10)
  --json          one JSON document instead of lines
  --url URL       the local Meta of a server in another folder, as npm run dev prints it

Exit code 0: done; 1: it cannot be done; 2: the arguments make no sense; 4: no local Meta answers;
124: no reply came in time.
`;

/** What the customer does; `choices`: looks at the chat. */
export type Deed =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tap' | 'pick'; readonly choice: string }
  | { readonly kind: 'location'; readonly latitude: number; readonly longitude: number; readonly name?: string }
  | { readonly kind: 'choices' };

export interface TriggerRequest {
  readonly deed: Deed;
  readonly from: string;
  readonly timeoutMs: number;
  readonly json: boolean;
  /** Of the local Meta; undefined: of the development server of this folder. */
  readonly url: string | undefined;
}

const OPTIONS = {
  from: { type: 'string', default: 'ana' },
  timeout: { type: 'string', default: '10' },
  json: { type: 'boolean', default: false },
  url: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** `help` if the arguments ask for it; one sentence if they make no sense. */
export function readTriggerRequest(args: readonly string[]): TriggerRequest | 'help' | { readonly problem: string } {
  try {
    // A number below zero is no option: the space hides its sign.
    const shielded = args.map((arg) => arg.replace(/^-(?=\d)/, ' -'));
    const { values, positionals } = parseArgs({ args: shielded, allowPositionals: true, options: OPTIONS });
    if (values.help) return 'help';
    const [kind, ...words] = positionals.map((word) => word.replace(/^ -(?=\d)/, '-'));
    const deed = readDeed(kind, words.join(' '));
    if (typeof deed === 'string') return { problem: deed };
    const timeoutMs = Number(values.timeout) * 1000;
    if (!(timeoutMs > 0)) return { problem: '--timeout is a number of seconds.' };
    if (values.url !== undefined && !URL.canParse(values.url))
      return { problem: '--url is an address such as http://127.0.0.1:3001.' };
    return { deed, from: values.from, timeoutMs, json: values.json, url: values.url?.replace(/\/$/, '') };
  } catch (error) {
    return { problem: argumentProblem(error) };
  }
}

/** A sentence if it is none. */
function readDeed(kind: string | undefined, words: string): Deed | string {
  switch (kind) {
    case undefined:
      return 'Say what the customer does: text, choices, tap, pick or location.';
    case 'choices':
      return words === '' ? { kind } : 'choices takes no words.';
    case 'text':
      return words === '' ? 'Say what the customer writes.' : { kind, text: words };
    case 'tap':
    case 'pick':
      return words === '' ? `Say what to ${kind}: a title, an id or a number.` : { kind, choice: words };
    case 'location':
      return readPlace(words);
    default:
      return `There is no "${kind}": say text, choices, tap, pick or location.`;
  }
}

function readPlace(words: string): Deed | string {
  const [, latitude, longitude, name] = /^(-?\d+(?:\.\d+)?)[ ,]+(-?\d+(?:\.\d+)?)(?: (.+))?$/.exec(words) ?? [];
  if (latitude === undefined || Math.abs(Number(latitude)) > 90 || Math.abs(Number(longitude)) > 180)
    return 'A place is a latitude from -90 to 90 and a longitude from -180 to 180.';
  return { kind: 'location', latitude: Number(latitude), longitude: Number(longitude), ...(name && { name }) };
}
