import { parseArgs } from 'node:util';

export const USAGE = `Shows the numbers that messages are sent from, and stops them or lets them send again.

  npm run numbers -- list                          all that were sent from or written to
  npm run numbers -- stop 106540352242922          nothing is sent from it; its messages wait, none is lost
  npm run numbers -- resume 106540352242922        it sends again, what waited at once

  --json                one JSON document instead of lines

A number is named by its phone number ID. It looks at the database at DATABASE_URL, or at the embedded one in DATA_DIR while no
service has it open; it works beside the service, and all processes follow within a second.
Exit code 0: done; 1: the number is not (or already) stopped, or the database cannot be used; 4: the database does not answer;
7: a service has it open.
`;

export type Request =
  | { readonly verb: 'list'; readonly json: boolean }
  | { readonly verb: 'stop' | 'resume'; readonly phoneNumberId: string; readonly json: boolean };

const OPTIONS = {
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

/** The request, `help`, or a sentence that says what is wrong with the arguments. */
export function readRequest(args: readonly string[]): Request | 'help' | { readonly wrong: string } {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
  const { values, positionals } = parsed;
  return values.help ? 'help' : requestOf(positionals, values.json);
}

function requestOf(words: readonly string[], json: boolean): Request | { readonly wrong: string } {
  const [verb, phoneNumberId, ...more] = words;
  switch (verb) {
    case 'list':
      return phoneNumberId === undefined ? { verb, json } : { wrong: 'list takes no number.' };
    case 'stop':
    case 'resume': {
      const wrong = wrongNumber(verb, phoneNumberId, more);
      return wrong === undefined ? { verb, phoneNumberId: phoneNumberId ?? '', json } : { wrong };
    }
    case undefined:
      return { wrong: 'Say list, stop or resume.' };
    default:
      return { wrong: `There is no "${verb}": say list, stop or resume.` };
  }
}

function wrongNumber(verb: string, phoneNumberId: string | undefined, more: readonly string[]): string | undefined {
  if (phoneNumberId === undefined || more.length > 0) return `Say which number to ${verb}: one phone number ID.`;
  if (!/^\d{1,32}$/.test(phoneNumberId))
    return 'A phone number ID has digits only; it is not the phone number: see list.';
  return undefined;
}
