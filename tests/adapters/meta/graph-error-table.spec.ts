import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { GRAPH_ERRORS, type GraphErrorRow } from '../../../src/adapters/meta/graph-error-table.ts';
import { failureClassOf } from '../../../src/adapters/meta/graph-errors.ts';

const KINDS: Readonly<Record<GraphErrorRow['class'], readonly GraphErrorRow['kind'][]>> = {
  transient: ['retry'],
  later: ['retry', 'rejected'],
  another_way: ['rejected', 'window_closed', 'retry'],
  stop: ['unauthorized'],
  never: ['rejected'],
};

/** The rows of the fixture: first and last code, and the class. */
const WRITTEN = readFileSync(join(import.meta.dirname, '../../fixtures/graph-error-codes.md'), 'utf8')
  .split('\n')
  .flatMap((line): (readonly [first: number, last: number, failure: string])[] => {
    const [, first, last = first, failure = ''] = /^\| (\d+)(?:-(\d+))? \|.*\| (\w+) \|$/.exec(line) ?? [];
    return first === undefined ? [] : [[Number(first), Number(last), failure]];
  });

describe('The table of Graph error codes', () => {
  it('has every code that Meta names, with its class', () => {
    expect(WRITTEN).to.have.length.above(80);
    for (const [first, last, failure] of WRITTEN)
      for (let code = first; code <= last; code += 1) expect(failureClassOf(code), `${code}`).to.equal(failure);
  });

  it('has no code that is not written down', () => {
    const isWritten = (code: number) => WRITTEN.some(([first, last]) => first <= code && code <= last);
    const codes = GRAPH_ERRORS.flatMap(({ codes }) => codes);
    expect(codes.filter((code) => !isWritten(code))).to.deep.equal([]);
  });

  it('does with each class what the class means', () => {
    for (const row of GRAPH_ERRORS) expect(KINDS[row.class], String(row.codes)).to.include(row.kind);
  });

  it('knows how long to wait wherever it tries again', () => {
    for (const { codes, kind, afterMs } of GRAPH_ERRORS)
      expect(afterMs !== undefined, String(codes)).to.equal(kind === 'retry');
  });
});
