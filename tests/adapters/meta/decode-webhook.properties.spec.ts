import { expect } from 'chai';
import fc from 'fast-check';
import { decodeWebhook } from '../../../src/adapters/meta/decode-webhook.ts';
import type { Json } from '../../../src/core/model.ts';
import type { WebhookElement } from '../../../src/core/ports/receiving.ts';
import {
  bodyNames,
  bytes,
  entriesOf,
  keysIn,
  piecesIn,
  type WireChange,
  type WireEntry,
  webhook,
} from './webhook-bodies.ts';

/** One element of the recorded bodies, with what it needs around it to stand alone. */
interface Atom {
  readonly entry: WireEntry;
  readonly change: WireChange;
}

const LISTS: Readonly<Record<string, readonly string[]>> = {
  messages: ['messages', 'statuses'],
  calls: ['calls', 'statuses'],
  message_echoes: ['message_echoes'],
  smb_message_echoes: ['message_echoes'],
};

type WireValue = Readonly<Record<string, Json>>;

function itemsOf(value: WireValue, list: string): readonly Json[] {
  return (value[list] ?? []) as readonly Json[];
}

/** Each element of a change as a change of its own. */
function atomsOf(entry: WireEntry, change: WireChange): Atom[] {
  const lists = LISTS[change.field] ?? [];
  const value = (change.value ?? {}) as WireValue;
  const shared = Object.fromEntries(Object.entries(value).filter(([key]) => !lists.includes(key)));
  const atoms = lists.flatMap((list) =>
    itemsOf(value, list).map((item) => ({ entry, change: { ...change, value: { ...shared, [list]: [item] } } })),
  );
  return atoms.length > 0 ? atoms : [{ entry, change }];
}

const corpus: readonly Atom[] = bodyNames().flatMap((name) =>
  entriesOf(name).flatMap((entry) => entry.changes.flatMap((change) => atomsOf(entry, change))),
);

function hasItems({ change }: Atom): boolean {
  const value = (change.value ?? {}) as WireValue;
  return (LISTS[change.field] ?? []).some((list) => itemsOf(value, list).length > 0);
}

/** What may be batched into one value: things in lists of the same field of the same number, with nothing else beside. */
function batchKey(atom: Atom): string {
  const { entry, change } = atom;
  const lists = LISTS[change.field] ?? [];
  const rest = Object.entries(change.value ?? {}).filter(([key]) => ![...lists, 'contacts'].includes(key));
  return JSON.stringify([entry.id, entry.time, change.field, hasItems(atom) ? rest : change]);
}

/** The value that holds all elements of values that can be batched. */
function merged(values: readonly WireValue[], lists: readonly string[]): WireValue {
  const all = ['contacts', ...lists].map((list) => [list, values.flatMap((value) => itemsOf(value, list))] as const);
  return { ...values[0], ...Object.fromEntries(all.filter(([, items]) => items.length > 0)) };
}

/** Batches the atoms that can share a change, and puts the changes into one body. */
function batched(atoms: readonly Atom[]): Buffer {
  const groups = [...Map.groupBy(atoms, batchKey).values()];
  return webhook(
    ...groups.flatMap((group) => {
      const [first] = group as [Atom];
      const { entry, change } = first;
      const values = group.map((atom) => atom.change.value as WireValue);
      const changes = hasItems(first)
        ? [{ ...change, value: merged(values, LISTS[change.field] ?? []) }]
        : group.map((atom) => atom.change);
      return [{ ...entry, changes }];
    }),
  );
}

/**
 * A piece but for the people beside it: in the corpus one person has several contacts (with a name, without, without an id), and
 * which of them is found depends on the batch.
 */
function withoutPeople(key: string, value: unknown): unknown {
  const isEnvelope = key === 'value' && typeof value === 'object' && value !== null;
  return isEnvelope && ('messages' in value || 'statuses' in value) ? { ...value, contacts: undefined } : value;
}

/** Where an element was quarantined depends on the batch; what it was does not. */
function outcome(elements: readonly WebhookElement[]): {
  readonly keys: readonly string[];
  readonly pieces: readonly string[];
} {
  const pieces = piecesIn(elements).map(({ reason, raw }) => {
    const body: unknown = JSON.parse(Buffer.from(raw).toString());
    return `${reason} ${JSON.stringify(body, withoutPeople)}`;
  });
  return { keys: [...new Set(keysIn(elements))].sort(), pieces: [...new Set(pieces)].sort() };
}

const HOSTILE: readonly Json[] = [
  '\u0000',
  '\ud83c',
  ['\udf89\ud83c'],
  'x'.repeat(600),
  '__proto__',
  { '\u0000': 1 },
  2 ** 60,
  1e300,
];
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }) as fc.Arbitrary<Json>,
  fc.constantFrom(...HOSTILE),
);

describe('Decoding', () => {
  it('finds every element of the corpus alone: as an event or as a quarantined piece', () => {
    expect(corpus.length).to.be.above(185);
    for (const { entry, change } of corpus)
      expect(decodeWebhook(webhook({ ...entry, changes: [change] })), JSON.stringify(change)).to.have.lengthOf(1);
  });

  it('gives the same events and pieces however the elements are batched', () => {
    const alone = corpus.flatMap(({ entry, change }) => decodeWebhook(webhook({ ...entry, changes: [change] })));
    const expected = outcome(alone);
    const shuffled = fc.shuffledSubarray([...corpus], { minLength: corpus.length });
    const cuts = fc.array(fc.nat(corpus.length), { maxLength: 12 });
    fc.assert(
      fc.property(shuffled, cuts, (atoms, at) => {
        const bounds = [0, ...at.sort((a, b) => a - b), atoms.length];
        const batches = bounds.slice(1).map((end, index) => atoms.slice(bounds[index], end));
        const elements = batches.flatMap((batch) => decodeWebhook(batched(batch)));
        expect(elements).to.have.lengthOf(corpus.length);
        expect(outcome(elements)).to.deep.equal(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('is tested with real batches: the whole corpus fits into far fewer changes than elements', () => {
    const { entry } = JSON.parse(batched(corpus).toString()) as { readonly entry: readonly WireEntry[] };
    const changes = entry.flatMap((one) => one.changes);
    expect(changes.length).to.be.below(corpus.length / 2);
  });

  it('gives the same for the same bytes', () => {
    for (const { entry, change } of corpus) {
      const body = webhook({ ...entry, changes: [change] });
      expect(decodeWebhook(body)).to.deep.equal(decodeWebhook(Buffer.from(body)));
    }
  });

  it('never throws, and gives only what can be stored, whatever stands in the place of a part', () => {
    const path = fc.array(fc.nat(30), { maxLength: 9 });
    fc.assert(
      fc.property(fc.constantFrom(...corpus), path, json, ({ entry, change }, steps, odd) => {
        const body = structuredClone({ object: 'whatsapp_business_account', entry: [{ ...entry, changes: [change] }] });
        replacePart(body, steps, odd);
        expectStorable(bytes(body));
      }),
      { numRuns: 3000 },
    );
  });

  it('never throws for any JSON', () => {
    fc.assert(
      fc.property(json, json, (value, change) => {
        expectStorable(bytes(JSON.stringify(value)));
        expectStorable(webhook(value));
        expectStorable(webhook({ id: '1', changes: [change] }));
        expectStorable(webhook({ id: '1', changes: [{ field: 'messages', value }] }));
        expectStorable(webhook({ id: '1', changes: [{ field: 'standby', value: { standby: value } }] }));
      }),
      { numRuns: 1000 },
    );
  });

  it('never throws for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(...bodyNames()), fc.nat(), (noise, name, at) => {
        expectStorable(Buffer.from(noise));
        const recorded = bytes({ object: 'whatsapp_business_account', entry: entriesOf(name) });
        const cut = at % recorded.length;
        expectStorable(Buffer.concat([recorded.subarray(0, cut), noise, recorded.subarray(cut + noise.length)]));
      }),
      { numRuns: 500 },
    );
  });
});

/** Walks down by the steps, each an index among the parts that are there, and puts `odd` in the last place. */
function replacePart(root: object, steps: readonly number[], odd: Json): void {
  let holder = root as Record<string, unknown>;
  for (const [index, step] of steps.entries()) {
    const keys = Object.keys(holder);
    const key = keys[step % keys.length];
    if (key === undefined) return;
    const inner = holder[key];
    if (index === steps.length - 1 || typeof inner !== 'object' || inner === null) {
      holder[key] = odd;
      return;
    }
    holder = inner as Record<string, unknown>;
  }
}

/** PostgreSQL takes it: no NUL, no lone surrogate, JSON that comes back the same, a key that fits. */
function expectStorable(body: Uint8Array): void {
  for (const element of decodeWebhook(body)) {
    if (element.kind === 'quarantined') {
      expect(element.piece.raw).to.be.instanceOf(Uint8Array);
      continue;
    }
    const text = JSON.stringify(element);
    expect(text).not.to.match(/\\u0000|\\ud[89a-f]/);
    expect(JSON.stringify(JSON.parse(text))).to.equal(text);
    expect(element.key.id).to.have.lengthOf.within(3, 600);
    expect(element.key.day).to.satisfy((day: number) => Number.isInteger(day) && day >= 0 && day < 50_000);
  }
}
