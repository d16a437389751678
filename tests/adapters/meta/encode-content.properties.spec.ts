import { expect } from 'chai';
import fc from 'fast-check';
import { readSendRequest } from '../../../src/adapters/api/outbound-request.ts';
import { requestBody } from '../../../src/adapters/meta/graph-request.ts';
import { ALL_SAMPLES } from '../../support/outbound-samples.ts';

type Path = readonly string[];

/** What a program in another language may write in the place of anything. `undefined` takes the field away. */
const JUNK: readonly unknown[] = [
  ...[undefined, null, 0, -1, 7, true, '', 'x', 'toString', '__proto__', 'constructor'],
  ...[[], [null], ['x'], [1, 2], [[]], [{}], {}, { a: 1 }, { length: 3 }, { toString: 1 }],
];

function pathsIn(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, [...path, key]))];
}

function changed(value: unknown, [key, ...rest]: Path, junk: unknown): unknown {
  if (key === undefined) return junk;
  if (typeof value !== 'object' || value === null) return value;
  const inner = changed((value as Record<string, unknown>)[key], rest, junk);
  if (Array.isArray(value)) return value.map((one, index) => (String(index) === key ? inner : one));
  return { ...value, [key]: inner };
}

/** A message is refused in words, or is one that can be written. Never anything else, or it would hold up its recipient. */
function expectJudged(content: unknown): boolean {
  const to = { groupId: 'group-1' };
  const read = readSendRequest(JSON.parse(JSON.stringify({ to, content })), '106540352242922');
  if ('problem' in read) return false;
  expect(requestBody({ sendId: 'send-1', ...read })).to.be.a('string');
  return true;
}

describe('A message with something wrong in it', () => {
  it('is refused or can be written, whatever stands in the place of any part', () => {
    let passed = 0;
    for (const content of ALL_SAMPLES)
      for (const path of pathsIn(content).slice(1))
        for (const junk of JUNK) passed += Number(expectJudged(changed(content, path, junk)));
    // Many changes are none that matter, such as another text: else all of this would only see refusals.
    expect(passed).to.be.greaterThan(500);
  });

  it('is refused or can be written with several parts changed', () => {
    const change = fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(...JUNK), fc.jsonValue({ maxDepth: 2 })));
    fc.assert(
      fc.property(
        fc.constantFrom(...ALL_SAMPLES),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (sample, changes) => {
          let content: unknown = sample;
          for (const [place, junk] of changes) {
            const paths = pathsIn(content).slice(1);
            content = changed(content, paths[place % paths.length] ?? [], junk);
          }
          expectJudged(content);
        },
      ),
      { seed: 20261127, numRuns: 5_000 },
    );
  });
});
