import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';

const ROOT = join(import.meta.dirname, '..', '..');

/** What the examples after the first take for granted. */
const PRELUDE = `
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testBot } from 'wahook/testing';
import bot from '../examples/shop/index.ts';
`;

function examplesOf(page: string): string[] {
  return [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, example = '']) => example);
}

function run(command: string, args: readonly string[]): Promise<{ failed: boolean; output: string }> {
  return new Promise((done) => {
    execFile(command, args, { cwd: ROOT }, (error, stdout, stderr) =>
      done({ failed: error !== null, output: stdout + stderr }),
    );
  });
}

describe('docs/testing.md and docs/existing-app.md', function () {
  this.timeout(60_000);
  let folder: string;
  let count: number;

  // Inside the project, so that `wahook` means what it means to a reader.
  before(async () => {
    folder = await mkdtemp(join(ROOT, 'tests', '.tmp-testing-docs-'));
    const page = await readFile(join(ROOT, 'docs', 'testing.md'), 'utf8');
    const examples = examplesOf(page);
    count = examples.length;
    const [whole = '', ...parts] = examples;
    for (const [name, text] of Object.entries({ whole, parts: `${PRELUDE}${parts.join('\n')}` }))
      await writeFile(join(folder, `${name}.test.ts`), text.replace('../examples/', '../../examples/'));
    const [existingApp = ''] = examplesOf(await readFile(join(ROOT, 'docs', 'existing-app.md'), 'utf8'));
    await writeFile(join(folder, 'existing-app.ts'), existingApp.replace('../bot/', '../../examples/shop/'));
    const project = { extends: '../../tsconfig.json', include: ['*.ts'] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(project));
  });

  after(() => rm(folder, { recursive: true }));

  it('has examples that compile', async () => {
    expect(count).to.be.at.least(4);
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const { output } = await run(process.execPath, [tsc, '-p', folder]);
    expect(output).to.equal('');
  });

  it('has examples that pass, in the test runner of Node', async () => {
    const { failed, output } = await run(process.execPath, ['--test', `${folder}/*.test.ts`]);
    expect(failed, output).to.equal(false);
    expect(output).to.match(/^. pass 5$/m);
    expect(output).to.match(/^. fail 0$/m);
  });
});
