import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { Movement } from '../../torture/movement.ts';

describe('The movement of the torture', () => {
  let clock: SinonFakeTimers;
  beforeEach(() => {
    clock = useFakeTimers();
  });
  afterEach(() => clock.restore());

  const noted = (movement: Movement, ms: number, ...figures: Parameters<Movement['note']>) => {
    clock.tick(ms);
    movement.note(...figures);
    return movement.stillForMs;
  };

  it('is what grows that should grow, or shrinks that should shrink', () => {
    const movement = new Movement();
    expect(noted(movement, 10, [1], [5])).to.equal(0);
    expect(noted(movement, 10, [1], [5])).to.equal(10);
    expect(noted(movement, 10, [2], [5])).to.equal(0);
    expect(noted(movement, 10, [2], [4])).to.equal(0);
  });

  it('is not what was there before, however often it comes and goes', () => {
    const movement = new Movement();
    noted(movement, 10, [3], [4]);
    for (const backlog of [undefined, 4, 9, 4, undefined, 5, 4]) noted(movement, 10, [3], [backlog]);
    expect(movement.stillForMs).to.equal(70);
  });
});
