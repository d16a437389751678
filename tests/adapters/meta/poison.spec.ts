import { expect } from 'chai';
import { decodeWebhook } from '../../../src/adapters/meta/decode-webhook.ts';
import { BATCH, batchWith, goodText, POISON, POSITIONS, TOLERATED } from './poison.ts';
import { eventsIn, piecesIn } from './webhook-bodies.ts';

/** The texts of the good messages, in order, without the one at `position`. */
function others(position: number): readonly string[] {
  return Array.from({ length: BATCH }, (_, index) => goodText('x', index)).filter((_, index) => index !== position);
}

describe('A poison message among 1000', () => {
  it('is of more than 20 kinds', () => {
    expect(Object.keys(POISON)).to.have.length.of.at.least(20);
  });

  for (const [kind, [reason, json]] of Object.entries(POISON))
    for (const [place, position] of Object.entries(POSITIONS))
      it(`with ${kind}, ${place}: is quarantined alone, and the 999 others are decoded in their order`, () => {
        const elements = decodeWebhook(batchWith('x', position, json));

        expect(elements).to.have.length(BATCH);
        const [piece, ...more] = piecesIn(elements);
        expect(more).to.deep.equal([]);
        expect(piece).to.include({ reason, path: `entry[0].changes[0].value.messages[${position}]` });
        const texts = eventsIn(elements).map(
          ({ event }) => event.kind === 'message' && event.type === 'text' && event.text,
        );
        expect(texts).to.deep.equal(others(position));
        // Alone it is refused in the same way.
        expect(piecesIn(decodeWebhook(piece!.raw)).map((again) => again.reason)).to.deep.equal([reason]);
      });

  for (const [kind, json] of Object.entries(TOLERATED))
    it(`is none if it has ${kind}: all 1000 are decoded`, () => {
      const elements = decodeWebhook(batchWith('x', POSITIONS.middle, json));

      expect(piecesIn(elements)).to.deep.equal([]);
      expect(eventsIn(elements)).to.have.length(BATCH);
      expect(eventsIn(elements)[POSITIONS.middle]?.event).to.include({ kind: 'message', id: 'wamid.P' });
    });
});
