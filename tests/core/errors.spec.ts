import { expect } from 'chai';
import { describeUnexpected } from '../../src/core/errors.ts';

describe('The description of an unexpected error', () => {
  it('names the error and its place, and never its message', () => {
    const description = describeUnexpected(new SyntaxError('Unexpected token in "secret words"'));
    expect(description.error).to.equal('SyntaxError');
    expect(description.at?.[0]).to.match(/^at .*errors\.spec\.ts:\d+:\d+/);
    expect(JSON.stringify(description)).not.to.contain('secret');
  });

  it('survives what is not an error or has no stack', () => {
    expect(describeUnexpected('secret')).to.deep.equal({ error: 'string' });
    const bare = new Error('x');
    delete bare.stack;
    expect(describeUnexpected(bare)).to.deep.equal({ error: 'Error', at: [] });
  });
});
