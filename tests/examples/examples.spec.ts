import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const ROOT = join(import.meta.dirname, '..', '..');
const EXAMPLES = readdirSync(join(ROOT, 'examples'));

function nodeTest(): Promise<{ failed: boolean; output: string }> {
  return new Promise((done) => {
    const args = ['--test', '--test-concurrency=1', 'examples/*/*.test.ts'];
    execFile(process.execPath, args, { cwd: ROOT }, (error, stdout, stderr) =>
      done({ failed: error !== null, output: stdout + stderr }),
    );
  });
}

describe('The examples', function () {
  this.timeout(120_000);

  it('pass their own tests', async () => {
    const { failed, output } = await nodeTest();
    expect(failed, output).to.equal(false);
    expect(Number(/^. pass (\d+)$/m.exec(output)?.[1])).to.be.at.least(3 * EXAMPLES.length);
  });

  for (const name of EXAMPLES)
    it(`${name} has a page that says how to run it and how to test it`, () => {
      const page = readFileSync(join(ROOT, 'examples', name, 'README.md'), 'utf8');
      expect(page).to.contain(`BOT=examples/${name}/index.ts npm run dev`);
      expect(page).to.contain(`npx node --test examples/${name}/index.test.ts`);
      expect(page.split('\n').length).to.be.within(15, 40);
    });
});
