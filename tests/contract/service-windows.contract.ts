import { expect } from 'chai';
import type { Customer } from '../../src/core/model.ts';
import type { ServiceWindows } from '../../src/core/ports/sending.ts';
import { WINDOW_MS } from '../../src/core/service-window.ts';
import { eventually } from '../support/eventually.ts';

export interface OpenServiceWindows {
  readonly windows: ServiceWindows;
  /** Another process, where there can be one. */
  readonly elsewhere: ServiceWindows;
  close(): Promise<void>;
}

const NUMBER = '1065';
const ANA: Customer = { waId: '15551234567', userId: 'US.1', name: 'Ana' };
const HOUR_MS = 3_600_000;

export function serviceWindowsContract(openWindows: () => Promise<OpenServiceWindows>): void {
  let open: OpenServiceWindows;
  let windows: ServiceWindows;

  beforeEach(async () => {
    open = await openWindows();
    windows = open.windows;
  });

  afterEach(() => open.close());

  const opened = (openedAtMs: number, customer = ANA) =>
    windows.opened({ phoneNumberId: NUMBER, customer, openedAtMs });
  const closesAt = (person: Pick<Customer, 'waId' | 'userId'>, at = windows) => at.closesAtMs(NUMBER, person);
  const wholeSecond = (ms: number) => Math.floor(ms / 1_000) * 1_000;

  it('knows nothing of whom it was not told about', async () => {
    opened(Date.now());
    expect(await closesAt({ waId: '15550000000' })).to.equal(undefined);
    expect(await windows.closesAtMs('2077', ANA)).to.equal(undefined);
  });

  it('closes 24 hours after the message, whichever id the person is named by', async () => {
    const atMs = wholeSecond(Date.now()) - 5 * HOUR_MS;
    opened(atMs);
    for (const person of [{ waId: '15551234567' }, { userId: 'US.1' }, { waId: '15550000000', userId: 'US.1' }])
      expect(await closesAt(person)).to.equal(atMs + WINDOW_MS);
  });

  it('never moves back, whatever comes late or again', async () => {
    const atMs = wholeSecond(Date.now()) - HOUR_MS;
    opened(atMs);
    opened(atMs - 30 * HOUR_MS);
    await eventually(async () => (await closesAt(ANA, open.elsewhere)) === atMs + WINDOW_MS, 5_000);
    opened(atMs - HOUR_MS);
    const bob = { waId: '15557654321' };
    opened(atMs, bob);
    await eventually(async () => (await closesAt(bob, open.elsewhere)) !== undefined, 5_000);
    expect(await closesAt(ANA, open.elsewhere)).to.equal(atMs + WINDOW_MS);
    opened(atMs + 1_000);
    await eventually(async () => (await closesAt(ANA, open.elsewhere)) === atMs + 1_000 + WINDOW_MS, 5_000);
  });

  it('takes a time that is still to come for now', async () => {
    opened(Date.now() + 40 * HOUR_MS, { waId: '1' });
    await eventually(
      async () =>
        ((await closesAt({ waId: '1' }, open.elsewhere)) ?? Number.POSITIVE_INFINITY) <= Date.now() + WINDOW_MS,
      5_000,
    );
  });
}
