import { expect } from 'chai';
import { bareType, checkUpload } from '../../src/core/media-limits.ts';

describe('A file to upload', () => {
  it('is of a type that Meta takes, with parameters or without', () => {
    expect(() => checkUpload('audio/ogg; codecs=opus', 1)).to.not.throw();
    expect(bareType('Audio/OGG ; codecs=opus')).to.equal('audio/ogg');
    expect(() => checkUpload('application/x-secret', 1)).to.throw(
      'Meta does not take the type application/x-secret; it takes',
    );
  });

  it('is refused without repeating what is no type', () => {
    expect(() => checkUpload('<script>', 1)).to.throw('Meta does not take the type given; it takes');
  });

  it('has a length, up to the limit of its kind', () => {
    for (const bytes of [0, -1, Number.NaN, 1.5]) expect(() => checkUpload('image/png', bytes)).to.throw('it is empty');
    expect(() => checkUpload('image/png', 5 * 1024 * 1024)).to.not.throw();
    expect(() => checkUpload('image/png', 5 * 1024 * 1024 + 1)).to.throw('as image/png it may have 5242880 bytes');
  });
});
