import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';

const ROOT = join(import.meta.dirname, '..', '..');

/** The example as a whole file: the ones without an import stand inside of `defineBot`. */
function asFile(example: string): string {
  if (/^import /m.test(example)) return example;
  return `import { defineBot } from 'wahook';\nexport default defineBot((bot) => {\n${example}\n});\n`;
}

async function examples(page: string): Promise<string[]> {
  const text = await readFile(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, example = '']) => asFile(example));
}

/** What `tsc` says about everything in the folder. */
function compile(folder: string): Promise<string> {
  return new Promise((done) => {
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    execFile(process.execPath, [tsc, '-p', folder], { cwd: folder }, (_error, stdout) => done(stdout));
  });
}

describe('To the author of a bot', () => {
  let folder: string;
  let errors: readonly string[];
  let exampleCount: number;

  // One run of the compiler for all of it, inside the package, so that `wahook` means what it means to an author.
  before(async function () {
    this.timeout(30_000);
    folder = await mkdtemp(join(import.meta.dirname, '.tmp-authors-view-'));
    const inDocs = await examples('docs/bot.md');
    exampleCount = inDocs.length;
    for (const [index, example] of inDocs.entries()) await writeFile(join(folder, `docs-${index + 1}.ts`), example);
    await cp(join(import.meta.dirname, 'define-bot.types.ts'), join(folder, 'types.ts'));
    await cp(join(ROOT, 'examples', 'shop'), join(folder, 'shop'), { recursive: true });
    await writeFile(join(folder, 'control.ts'), asFile("bot.on('message.txet', () => {});"));
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../../tsconfig.json', include: ['*.ts', 'shop/*.ts'] }),
    );
    errors = (await compile(folder)).split('\n').filter((line) => /^\S+\.ts\(/.test(line));
  });

  after(async () => {
    await rm(folder, { recursive: true });
  });

  function errorsIn(file: RegExp): string[] {
    return errors.filter((line) => file.test(line));
  }

  it('shows a mistake', () => {
    expect(errorsIn(/^control\.ts/)).to.have.length(1);
    expect(errorsIn(/^control\.ts\(3,.*"message\.txet"/)).to.have.length(1);
  });

  it('compiles the examples of the documentation', () => {
    expect(exampleCount).to.be.at.least(5);
    expect(errorsIn(/^docs-/)).to.deep.equal([]);
  });

  it('compiles the shop, also when it is copied to begin with', () => {
    expect(errorsIn(/^shop/)).to.deep.equal([]);
  });

  it('gives the types that fit, and refuses what does not', () => {
    expect(errorsIn(/^types\.ts/)).to.deep.equal([]);
  });
});
