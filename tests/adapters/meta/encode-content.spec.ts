import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { encodeContent } from '../../../src/adapters/meta/encode-content.ts';
import type { OutboundContent } from '../../../src/core/outbound-content.ts';
import { ALL_SAMPLES } from '../../support/outbound-samples.ts';

/** What Meta's pages show for each of the samples, in their order. */
const EXPECTED: readonly unknown[] = JSON.parse(readFileSync('tests/fixtures/outbound-requests.json', 'utf8'));

function wire(content: OutboundContent): unknown {
  return JSON.parse(JSON.stringify(encodeContent(content)));
}

describe('encodeContent', () => {
  it('has an expectation for every sample', () => expect(EXPECTED).to.have.length(ALL_SAMPLES.length));

  for (const [index, content] of ALL_SAMPLES.entries())
    it(`writes ${content.type} as Meta wants it (${index})`, () => {
      expect(wire(content)).to.deep.equal(EXPECTED[index]);
    });

  it('leaves out what is empty: caption, header, footer, description', () => {
    expect(wire({ type: 'video', id: '1', caption: '' })).to.deep.equal({ type: 'video', video: { id: '1' } });
    const rows = [{ id: 'a', title: 'A', description: '' }];
    const list = wire({ type: 'list', text: 'a', button: 'b', header: '', footer: '', sections: [{ rows }] });
    expect(JSON.stringify(list)).not.to.match(/header|footer|description/);
  });

  it('writes degrees without an exponent', () => {
    const content: OutboundContent = { type: 'location', latitude: 0.0000004, longitude: -179.99999999 };
    expect(wire(content)).to.deep.equal({
      type: 'location',
      location: { latitude: '0.0000004', longitude: '-180.0000000' },
    });
  });
});
