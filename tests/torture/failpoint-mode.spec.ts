import { expect } from 'chai';
import { FAILPOINTS, type FailpointName } from '../../torture/failpoint.ts';
import { FailpointRota } from '../../torture/failpoint-mode.ts';
import { lastWords, readFailpoint } from '../../torture/failpoint-setting.ts';
import { Random } from '../../torture/random.ts';
import type { Arming, Death } from '../../torture/scenario.ts';

const WEB = FAILPOINTS.filter(({ role }) => role === 'web').map(({ name }) => name);

const nameOf = ({ env }: Arming): FailpointName | undefined =>
  env?.['WAHOOK_FAILPOINT'] === undefined ? undefined : readFailpoint(env['WAHOOK_FAILPOINT']).name;

function death(armed: Arming, how: Partial<Death> = {}): Death {
  const process = { name: 'web-1', role: 'web', pid: 1, livedMs: 1_000 } as const;
  const output = `listening\n${lastWords(nameOf(armed) ?? 'none', 1)}`;
  return { ...process, armed, exitCode: null, signal: 'SIGKILL', isOurs: false, output, ...how };
}

describe('The rota of failpoints', () => {
  let rota: FailpointRota;
  beforeEach(() => {
    rota = new FailpointRota(2, Random.of(1, 'rota'));
  });

  it('arms each failpoint of a role once before it arms one a second time', () => {
    const first = WEB.map(() => nameOf(rota.arm('web')));
    expect([...first].sort()).to.deep.equal([...WEB].sort());
    const second = WEB.map(() => nameOf(rota.arm('web')));
    expect([...second].sort()).to.deep.equal([...WEB].sort());
  });

  it('arms none when each of the role was hit or is armed as often as wanted', () => {
    for (let round = 0; round < 2 * WEB.length; round += 1) rota.died(death(rota.arm('web')));
    expect(rota.arm('web')).to.deep.equal({});
    expect(nameOf(rota.arm('worker'))).to.be.a('string');
    expect(rota.isComplete).to.equal(false);
  });

  it('is complete when all of both roles were hit as often as wanted', () => {
    for (const role of ['web', 'worker'] as const)
      for (let armed = rota.arm(role); nameOf(armed) !== undefined; armed = rota.arm(role)) rota.died(death(armed));
    expect(rota.isComplete).to.equal(true);
    expect([...rota.kills.values()].every((count) => count === 2)).to.equal(true);
  });

  for (const [how, what] of [
    [{ isOurs: true }, 'one that was killed from outside'],
    [{ signal: null, exitCode: 1 }, 'one that ended by itself'],
    [{ output: 'listening\n' }, 'one that was killed elsewhere, as for a lack of memory'],
    [{ pid: 2 }, 'one before which another one died at the same failpoint'],
  ] as const)
    it(`does not count ${what}, and arms its failpoint again`, () => {
      rota.died(death(rota.arm('web'), how));
      expect([...rota.kills.values()].every((count) => count === 0)).to.equal(true);
      const again = WEB.map(() => nameOf(rota.arm('web')));
      expect([...again].sort()).to.deep.equal([...WEB].sort());
    });

  it('takes no notice of a death without a failpoint', () => {
    rota.died(death({}));
    expect([...rota.kills.values()].every((count) => count === 0)).to.equal(true);
  });
});
