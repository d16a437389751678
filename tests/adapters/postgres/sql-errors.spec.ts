import { expect } from 'chai';
import pg from 'pg';
import { connectionIsDone, sqlFailure, sqlState, toWahookError } from '../../../src/adapters/postgres/sql-errors.ts';
import { WahookError } from '../../../src/core/errors.ts';

const CANARY = 'canary-4915112345678';

function serverError(code: string, facts: Partial<pg.DatabaseError> = {}): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(CANARY, 1, 'error'), { code, severity: 'ERROR', detail: CANARY }, facts);
}

describe('errors of the database', () => {
  for (const [state, expected] of Object.entries({
    '22P02': 'unstorable',
    '22P05': 'unstorable',
    '22003': 'unstorable',
    '54000': 'unstorable',
    '54001': 'unstorable',
    '40P01': 'conflict',
    '40001': 'conflict',
    '25006': 'unavailable',
    '53100': 'unavailable',
    '53300': 'unavailable',
    '55P03': 'unavailable',
    '57014': 'unavailable',
    '57P01': 'unavailable',
    '57P03': 'unavailable',
    '08006': 'unavailable',
    '23505': 'unavailable',
    '42P01': 'unavailable',
    '42501': 'unavailable',
    XX000: 'unavailable',
  })) {
    it(`takes ${state} for ${expected}`, () => {
      expect(sqlFailure(serverError(state))).to.equal(expected);
      expect(toWahookError(serverError(state)).code).to.equal(
        expected === 'unstorable' ? 'unstorable' : 'storage_unavailable',
      );
    });
  }

  it('takes a row whose partition was made meanwhile for a conflict, and a broken CHECK for a failure', () => {
    expect(sqlFailure(serverError('23514', { table: 'event_key_default' }))).to.equal('conflict');
    expect(sqlFailure(serverError('23514', { constraint: 'inbox_state_check' }))).to.equal('unavailable');
  });

  it('gives up a connection after a timeout, a shutdown, or an error that is not the server’s', () => {
    const states = ['57P01', '25P03', '08006', '0A000', '26000'];
    expect(states.filter((state) => !connectionIsDone(serverError(state)))).to.deep.equal([]);
    expect(connectionIsDone(new Error('Query read timeout'))).to.equal(true);
    expect(connectionIsDone(Object.assign(new Error('read'), { code: 'EPIPE', errno: -32 }))).to.equal(true);
    expect(
      ['22P02', '23505', '55P03', '40P01', '57014'].filter((state) => connectionIsDone(serverError(state))),
    ).to.deep.equal([]);
  });

  it('keeps the state, the table and the constraint, and no word of the server', () => {
    const error = toWahookError(serverError('23505', { table: 'item', constraint: 'item_pkey', column: CANARY }));

    expect(error.message).to.include('23505').and.include('item_pkey').and.include('table item');
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.to.include(CANARY);
    expect(error.cause).to.equal(undefined);
  });

  it('names the network’s code of an error that is not the server’s, and not its text', () => {
    const error = toWahookError(Object.assign(new Error(CANARY), { code: 'ECONNRESET' }));

    expect(error.code).to.equal('storage_unavailable');
    expect(error.message).to.include('ECONNRESET').and.not.include(CANARY);
    expect(toWahookError(CANARY).message).not.to.include(CANARY);
    expect(toWahookError(Object.assign(new Error(), { code: CANARY })).message).not.to.include(CANARY);
  });

  it('leaves our own errors as they are', () => {
    const error = new WahookError('fenced', 'lost');

    expect(toWahookError(error)).to.equal(error);
  });

  it('takes nothing for a SQLSTATE that the server did not send', () => {
    expect(sqlState(Object.assign(new Error(), { code: 'EPIPE' }))).to.equal(undefined);
    expect(sqlState({ code: '23505', severity: 'ERROR' })).to.equal(undefined);
    expect(sqlState(serverError('23505'))).to.equal('23505');
  });
});
