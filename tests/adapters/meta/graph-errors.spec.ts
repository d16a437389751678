import { expect } from 'chai';
import { GRAPH_ERRORS } from '../../../src/adapters/meta/graph-error-table.ts';
import { classifyGraphError, errorCodeLabel } from '../../../src/adapters/meta/graph-errors.ts';
import type { SendFailure } from '../../../src/core/ports/sending.ts';
import { graphError } from '../../support/graph-stub.ts';

/** Written down a second time, from Meta's pages and not from the table, in the order of the codes. */
const UNAUTHORIZED = [0, 3, 10, 33, 190, 200, 215, 299, 368, 131005, 131031, 131042, 131045, 133010];

const RETRY: readonly (readonly [code: number, afterMs: number, limit?: number])[] = [
  [1, 5_000, 2],
  [2, 5_000],
  [4, 60_000],
  [613, 60_000],
  [80007, 60_000],
  [130429, 2_000],
  [131000, 5_000, 2],
  [131016, 5_000],
  [131048, 14_400_000, 2],
  [131053, 5_000, 1],
  [131056, 1_000],
  [131057, 60_000],
  [131208, 60_000],
  [132069, 600_000, 6],
  [133004, 5_000],
  [134101, 600_000],
];

const REJECTED = [
  100, 130403, 130472, 130497, 131008, 131009, 131020, 131021, 131026, 131030, 131035, 131036, 131037, 131041, 131044,
  131049, 131050, 131051, 131052, 131055, 131059, 131060, 131062, 131063, 131064, 131200, 131207, 131209, 131299,
  132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018, 132068, 133000, 133005, 133006, 133008,
  133009, 133015, 133016, 134011, 134100, 134102, 135000, 138000, 138005, 138012, 138013, 138018, 139000, 139004,
  139100, 139103, 147001, 147005, 2388012, 2388103, 2388299, 2494100, 2593107, 2593108, 2593109,
];

function classify(code: number, more: object = {}): SendFailure {
  const failure = classifyGraphError(JSON.parse(graphError(code, more)));
  if (failure === undefined) throw new Error(`${code} was not taken for a Graph error`);
  return failure;
}

const LISTED = [131047, ...UNAUTHORIZED, ...RETRY.map(([code]) => code), ...REJECTED];

describe('classifyGraphError', () => {
  for (const code of UNAUTHORIZED)
    it(`stops the line on ${code}`, () => {
      expect(classify(code)).to.include({ kind: 'unauthorized', code }).and.not.have.any.keys('afterMs', 'limit');
    });

  for (const [code, afterMs, limit] of RETRY)
    it(`tries again after ${afterMs} ms on ${code}${limit === undefined ? '' : `, at most ${limit} times`}`, () => {
      const { kind, afterMs: waits, limit: times } = classify(code);
      expect({ kind, waits, times }).to.deep.equal({ kind: 'retry', waits: afterMs, times: limit });
    });

  for (const code of REJECTED)
    it(`gives the message up on ${code}`, () => {
      expect(classify(code)).to.include({ kind: 'rejected', code }).and.not.have.any.keys('afterMs', 'limit');
    });

  it('says which limit was exceeded, and that the wait for a person grows fourfold', () => {
    const limits = [4, 80007, 130429, 131056, 131016].map((code) => classify(code).exceeded);
    expect(limits).to.deep.equal(['app', 'account', 'number', 'recipient', undefined]);
    expect([131056, 130429].map((code) => classify(code).growth)).to.deep.equal([4, undefined]);
  });

  it('says on 131047 that the customer service window is closed', () => {
    expect(classify(131047)).to.include({ kind: 'window_closed', code: 131047 });
  });

  it('has a row for every code listed above', () => {
    expect(LISTED.filter((code) => errorCodeLabel(code) === 'other')).to.deep.equal([]);
  });

  it('has no row that is not listed above', () => {
    const unlisted = GRAPH_ERRORS.filter(({ codes }) =>
      typeof codes === 'number'
        ? !LISTED.includes(codes)
        : !LISTED.some((code) => codes[0] <= code && code <= codes[1]),
    );
    expect(unlisted).to.deep.equal([]);
  });

  it('has one row for each code, each with a sentence for the operator and a dated source', () => {
    const codes = GRAPH_ERRORS.map((row) => String(row.codes));
    expect(new Set(codes).size).to.equal(codes.length);
    for (const { reason, source } of GRAPH_ERRORS) {
      expect(reason).to.match(/^[A-Z].*\w \w.*\.$/);
      expect(source).to.match(/20\d\d-\d\d/);
    }
  });

  it('gives up on a code that it does not know', () => {
    expect(classify(131999)).to.include({ kind: 'rejected', code: 131999 });
    expect(classify(131999, { is_transient: false }).kind).to.equal('rejected');
  });

  it('tries again on a code that it does not know if Meta calls it transient', () => {
    expect(classify(131999, { is_transient: true })).to.include({ kind: 'retry', code: 131999, afterMs: 5_000 });
  });

  it('goes by the table, not by is_transient, on a code that it knows', () => {
    expect(classify(190, { is_transient: true }).kind).to.equal('unauthorized');
    expect(classify(2, { is_transient: false }).kind).to.equal('retry');
  });

  it('passes the trace id on, and nothing else that Meta wrote', () => {
    const { reason } = classify(100, { message: 'canary', error_user_msg: 'canary', error_data: 'canary' });
    expect(reason)
      .to.match(/\(fbtrace_id Az8or2yhqkZfEZ-_4Qn_Bam\)$/)
      .and.not.include('canary');
    expect(classify(131999).reason).to.include('Az8or2yhqkZfEZ-_4Qn_Bam');
  });

  it('drops a trace id that does not look like one', () => {
    for (const id of ['line\nbreak', 'x'.repeat(65), '', 7, null])
      expect(classify(100, { fbtrace_id: id }).reason).to.match(/\.$/);
  });

  it('reads an error of a failed status', () => {
    const error = { code: 131026, title: 'Message undeliverable', error_data: { details: 'canary' } };
    const failure = classifyGraphError({ error });
    expect(failure).to.include({ kind: 'rejected', code: 131026 });
    expect(failure?.reason).not.to.include('canary');
  });

  for (const body of [
    undefined,
    null,
    'error',
    7,
    [],
    {},
    { error: 'x' },
    { error: {} },
    { error: { code: 'x' } },
    { code: 2 },
  ])
    it(`does not take ${JSON.stringify(body)} for a Graph error`, () => {
      expect(classifyGraphError(body)).to.equal(undefined);
    });
});

describe('errorCodeLabel', () => {
  it('is the code itself where the table has it', () => {
    expect(errorCodeLabel(131047)).to.equal('131047');
    expect(errorCodeLabel(0)).to.equal('0');
  });

  it('is one label for a whole range, except for a code of it with a row of its own', () => {
    expect([200, 299].map(errorCodeLabel)).to.deep.equal(['200-299', '200-299']);
    expect([131207, 131208].map(errorCodeLabel)).to.deep.equal(['131200-131299', '131208']);
  });

  it('is one label for all codes that are not known, and one for no code', () => {
    expect([131999, -1, 300, 2389000].map(errorCodeLabel)).to.deep.equal(['other', 'other', 'other', 'other']);
    expect(errorCodeLabel(undefined)).to.equal('none');
  });
});
