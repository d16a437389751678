import { QUEUE_NAMES } from '../core/lanes.ts';
import type { DeadLetterFilter, QueueName } from '../core/ports/queue.ts';
import type { ValuesOf, Wrong } from './store-command.ts';

export const USAGE = `Shows what was given up, and lets it run again or gives it up for good.

  npm run dead-letters -- list                                   the last 50
  npm run dead-letters -- redrive messages-42 messages-57        these, by their ids
  npm run dead-letters -- redrive --reason handler_failed        all with this reason
  npm run dead-letters -- redrive --all --rate 5 --dry-run       what would happen; then without --dry-run
  npm run dead-letters -- discard outbound-7                     kept for the record, never handled

  --queue NAME          only of messages, statuses, account or outbound
  --reason CODE         only with this reason
  --conversation HASH   only of this conversation, as the list shows it
  --all                 every one: what redrive and discard need in place of ids or a filter
  --rate N              redrive so many a second; the pace goes on after the command has ended
  --dry-run             say how many it would be, and change nothing
  --yes                 discard more than one
  --limit N             list so many (default 50)
  --json                one JSON document instead of lines

It looks at the database at DATABASE_URL, or at the embedded one in DATA_DIR while no service has it open.
Exit code 0: done; 1: no dead letter has such an id, or the database cannot be used; 2: the arguments or settings make no
sense, or --yes is missing; 4: the database does not answer; 7: a service has it open.
`;

export type Verb = 'list' | 'redrive' | 'discard';

export interface Request {
  readonly verb: Verb;
  readonly filter: DeadLetterFilter;
  readonly limit: number;
  readonly perSecond: number | undefined;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

const QUEUES: readonly string[] = QUEUE_NAMES;

export const OPTIONS = {
  queue: { type: 'string' },
  reason: { type: 'string' },
  conversation: { type: 'string' },
  all: { type: 'boolean' },
  rate: { type: 'string' },
  'dry-run': { type: 'boolean' },
  yes: { type: 'boolean' },
  limit: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Those that are for some verbs only. One that is passed over in silence would do more than was asked for: `redrive --limit 10`. */
const FOR: Readonly<Partial<Record<keyof typeof OPTIONS, readonly Verb[]>>> = {
  rate: ['redrive'],
  'dry-run': ['redrive', 'discard'],
  yes: ['discard'],
  limit: ['list'],
};

type Arguments = ValuesOf<typeof OPTIONS>;

export function readRequest(values: Arguments, words: readonly string[]): Request | Wrong {
  const [verb, ...ids] = words;
  if (verb !== 'list' && verb !== 'redrive' && verb !== 'discard')
    return {
      wrong:
        verb === undefined ? 'Say list, redrive or discard.' : `There is no "${verb}": say list, redrive or discard.`,
    };
  const wrong = wrongValue(values, ids) ?? wrongCombination(verb, values, ids);
  if (wrong !== undefined) return { wrong };
  const { rate, limit = '50', yes = false, json = false, 'dry-run': dryRun = false } = values;
  const perSecond = rate === undefined ? undefined : Number(rate);
  return { verb, filter: filterOf(values, ids), limit: Number(limit), perSecond, dryRun, yes, json };
}

function wrongValue({ queue, conversation, rate, limit }: Arguments, ids: readonly string[]): string | undefined {
  const odd = ids.find((id) => !QUEUES.includes(id.split('-')[0] ?? '') || !/^[a-z]+-\d{1,15}$/.test(id));
  if (odd !== undefined) return `"${odd}" is no id: ids look like messages-42, see list.`;
  if (queue !== undefined && !QUEUES.includes(queue)) return `--queue is not one of ${QUEUES.join(', ')}.`;
  if (conversation !== undefined && !/^[0-9a-f]{12}$/.test(conversation))
    return '--conversation needs the 12 characters that list shows.';
  if (rate !== undefined && !(Number(rate) > 0 && Number(rate) <= 10_000))
    return '--rate needs a number above 0, at most 10000.';
  if (limit !== undefined && !/^[1-9]\d{0,5}$/.test(limit)) return '--limit needs a whole number from 1 to 999999.';
  return undefined;
}

function wrongCombination(verb: Verb, values: Arguments, ids: readonly string[]): string | undefined {
  const { queue, reason, conversation, all = false } = values;
  const chosen = ids.length > 0 || [queue, reason, conversation].some((value) => value !== undefined);
  for (const option of Object.keys(values) as (keyof Arguments)[])
    if (FOR[option]?.includes(verb) === false) return `--${option} is for ${FOR[option].join(' and ')}.`;
  if (all && chosen) return '--all means every one: leave it out, or the ids and filters.';
  if (verb !== 'list' && !all && !chosen) return `Say which ones to ${verb}: ids, a filter, or --all.`;
  return undefined;
}

function filterOf({ queue, reason, conversation }: Arguments, ids: readonly string[]): DeadLetterFilter {
  return {
    ...(ids.length > 0 && { ids }),
    ...(queue !== undefined && { queue: queue as QueueName }),
    ...(reason !== undefined && { reason }),
    ...(conversation !== undefined && { conversation }),
  };
}
