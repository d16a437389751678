import type { QuarantineReason } from '../core/ports/receiving.ts';
import type { ValuesOf, Wrong } from './store-command.ts';

export const USAGE = `Looks after what the service could not handle: list it, look at it, replay it after a fix, discard it.

  npm run quarantine -- list                     the newest 50, without what they say
  npm run quarantine -- show 12                  the webhook that holds this piece alone, byte for byte (in a pipe): PERSONAL DATA
  npm run quarantine -- replay 12 13             these pieces
  npm run quarantine -- replay --reason too_deep --dry-run
  npm run quarantine -- replay --all             everything, oldest first
  npm run quarantine -- discard 12               also --reason R, --all, --dry-run

  --reason R    only pieces with this reason (list, replay, discard)
  --all         every piece (replay, discard)
  --dry-run     say what would happen, and change nothing (replay, discard)
  --yes         discard more than one
  --limit N     how many to list
  --json        one JSON document instead of lines (list, replay, discard)

It looks at the database at DATABASE_URL, or at the embedded one in DATA_DIR while no service has it open.
Exit code 0: done; 1: the database cannot be used; 2: the arguments or settings make no sense, or --yes is missing;
3: something stays in quarantine, or was not there; 4: the database does not answer; 7: a service has it open.
`;

export interface Selection {
  readonly ids: readonly string[];
  /** Instead of ids: all, or all with this reason. */
  readonly all: boolean;
  readonly reason: QuarantineReason | undefined;
}

export type Request =
  | {
      readonly command: 'list';
      readonly limit: number;
      readonly reason: QuarantineReason | undefined;
      readonly json: boolean;
    }
  | { readonly command: 'show'; readonly id: string }
  | {
      readonly command: 'replay' | 'discard';
      readonly selection: Selection;
      readonly dryRun: boolean;
      /** To discard more than one. */
      readonly yes: boolean;
      readonly json: boolean;
    };

const REASONS: Readonly<Record<QuarantineReason, true>> = {
  not_json: true,
  not_whatsapp: true,
  wrong_shape: true,
  nul_character: true,
  lone_surrogate: true,
  too_deep: true,
  too_many: true,
  unstorable: true,
};

export const OPTIONS = {
  reason: { type: 'string' },
  all: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  yes: { type: 'boolean' },
  limit: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Option = keyof typeof OPTIONS;

const ALLOWED: Readonly<Record<string, readonly Option[]>> = {
  list: ['reason', 'limit', 'json'],
  show: [],
  replay: ['reason', 'all', 'dry-run', 'json'],
  discard: ['reason', 'all', 'dry-run', 'yes', 'json'],
};

const VERBS = 'list, show, replay or discard';

type Values = ValuesOf<typeof OPTIONS>;

export function readRequest(values: Values, words: readonly string[]): Request | Wrong {
  const [command = '', ...ids] = words;
  const allowed = Object.hasOwn(ALLOWED, command) ? ALLOWED[command] : undefined;
  if (allowed === undefined)
    return { wrong: command === '' ? `Say ${VERBS}.` : `There is no "${command}": say ${VERBS}.` };
  const stray = (Object.keys(values) as Option[]).find((option) => !allowed.includes(option));
  if (stray !== undefined) return { wrong: `--${stray} is not for ${command}.` };
  if (ids.some((id) => !/^\d{1,15}$/.test(id))) return { wrong: 'The id of a piece is a number; see list.' };
  const request = requestOf(command, ids, values);
  return typeof request === 'string' ? { wrong: request } : request;
}

/** One sentence if it is none. */
function requestOf(command: string, ids: readonly string[], values: Values): Request | string {
  const { reason, limit = '50', json = false } = values;
  if (reason !== undefined && !isReason(reason)) return `--reason is one of ${Object.keys(REASONS).join(', ')}.`;
  if (command === 'list') {
    if (ids.length > 0) return 'list takes no id; see show.';
    if (!/^[1-9]\d{0,5}$/.test(limit)) return '--limit is a number from 1 to 999999.';
    return { command, limit: Number(limit), reason, json };
  }
  if (command === 'show') {
    const [id = ''] = ids;
    return ids.length === 1 ? { command, id } : 'show takes the id of one piece.';
  }
  return changeOf(command === 'replay' ? command : 'discard', { ids, all: values.all ?? false, reason }, values);
}

function changeOf(command: 'replay' | 'discard', selection: Selection, values: Values): Request | string {
  const { 'dry-run': dryRun = false, yes = false, json = false } = values;
  const { ids, all, reason } = selection;
  if ([ids.length > 0, reason !== undefined, all].filter(Boolean).length !== 1)
    return `${command} takes either ids, or --reason, or --all.`;
  return { command, selection, dryRun, yes, json };
}

function isReason(word: string): word is QuarantineReason {
  return Object.hasOwn(REASONS, word);
}
