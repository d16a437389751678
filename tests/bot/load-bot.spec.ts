import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import { loadBot } from '../../src/bot/load-bot.ts';
import { isWahookError } from '../../src/core/errors.ts';

describe('loadBot', () => {
  let folder: string;

  // Inside the package, so that the files can import it by its name; written here because tsc would stumble over them.
  before(async () => {
    folder = await mkdtemp(join(import.meta.dirname, '.tmp-bots-'));
  });

  after(async () => {
    await rm(folder, { recursive: true });
  });

  async function file(name: string, ...lines: readonly string[]): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, lines.join('\n'));
    return path;
  }

  /** The three parts of the error that loading the file ends in, with the folder taken out. */
  async function refusal(path: string): Promise<{ what: string; why: string; how: string }> {
    const error: unknown = await loadBot(path).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!isWahookError(error, 'invalid_bot')) throw new Error(`not refused as invalid_bot: ${error}`);
    const message = error.message.replaceAll(`${folder}/`, '').replaceAll(`${relative(process.cwd(), folder)}/`, '');
    const [what = '', why = '', how = '', ...rest] = message.split('\n');
    expect(why).to.match(/^ {2}Why {2}\S/);
    expect(how).to.match(/^ {2}Fix {2}\S/);
    expect(rest).to.deep.equal([]);
    return { what, why, how };
  }

  const IMPORT = "import { defineBot } from 'wahook';";

  it('loads a bot written in TypeScript', async () => {
    const path = await file(
      'typed.ts',
      IMPORT,
      'const greeting: string = "hi";',
      'export default defineBot((bot) => bot.onText(greeting, () => {}));',
    );
    expect((await loadBot(path)).handlerCount).to.equal(1);
  });

  it('loads a bot written in JavaScript', async () => {
    const path = await file('plain.js', IMPORT, 'export default defineBot((bot) => bot.on("message", () => {}));');
    expect((await loadBot(path)).handlerCount).to.equal(1);
  });

  it('counts a relative path from the current directory, and loads a file once', async () => {
    const path = await file('here.js', IMPORT, 'export default defineBot((bot) => bot.on("message", () => {}));');
    expect(await loadBot(relative(process.cwd(), path))).to.equal(await loadBot(path));
  });

  it('says that a file is missing, by the path that was meant', async () => {
    expect((await refusal(join(folder, 'nowhere.ts'))).what).to.equal('There is no file nowhere.ts');
    expect((await refusal('no/such/bot.ts')).what).to.equal('There is no file no/such/bot.ts');
    expect((await refusal('/no-such-bot.ts')).what).to.equal('There is no file /no-such-bot.ts');
  });

  it('says that a folder is not a file', async () => {
    expect((await refusal(folder)).what).to.match(/is not a file$/);
  });

  describe('names file and line of', () => {
    it('a syntax error in TypeScript', async () => {
      const path = await file('broken.ts', IMPORT, '', 'const greeting: string = ;');
      expect((await refusal(path)).what).to.equal('broken.ts:3 does not parse: Expression expected');
    });

    it('TypeScript that does not go away with its types', async () => {
      const path = await file('enum.ts', IMPORT, 'enum Colour { Red }');
      const { what, why } = await refusal(path);
      expect(what).to.match(/^enum\.ts:2 does not parse: .*enum/);
      expect(why).to.match(/no enum/);
    });

    it('a syntax error in JavaScript', async () => {
      const path = await file('broken.js', IMPORT, '', '', 'const greeting = ;');
      expect((await refusal(path)).what).to.equal("broken.js:4 does not parse: Unexpected token ';'");
    });

    it('a mistake that only shows when the types are gone', async () => {
      const path = await file('twice.ts', IMPORT, 'let greeting: string;', 'let greeting: number;');
      expect((await refusal(path)).what).to.match(/^twice\.ts:3 does not parse: .*already been declared/);
    });

    it('a syntax error in a file that the bot imports', async () => {
      await file('broken-part.ts', 'export const a = 1;', 'const b: = 2;');
      const path = await file('imports-broken.ts', IMPORT, "import { a } from './broken-part.ts';");
      expect((await refusal(path)).what).to.match(/^broken-part\.ts:2 does not parse/);
    });

    it('an import of a name that is not there', async () => {
      const path = await file('wrong-name.ts', '', "import { makeBot } from 'wahook';", 'export default makeBot();');
      expect((await refusal(path)).what).to.match(/^wrong-name\.ts:2 does not parse: .*'makeBot'/);
    });

    it('a throw at the top of the file', async () => {
      const path = await file('throws.ts', IMPORT, '', 'throw new Error("no shop today");');
      expect((await refusal(path)).what).to.equal('throws.ts:3 throws while it is loaded: no shop today');
    });

    it("the bot's own call into a library that throws", async () => {
      const library = join(folder, 'node_modules', 'shop');
      await mkdir(library, { recursive: true });
      await writeFile(join(library, 'package.json'), '{ "type": "module", "exports": "./index.js" }');
      await writeFile(join(library, 'index.js'), 'export function open() { throw new Error("no shop today"); }');
      const path = await file('calls.ts', "import { open } from 'shop';", '', '', 'open();');
      expect((await refusal(path)).what).to.equal('calls.ts:4 throws while it is loaded: no shop today');
    });

    it('a throw in the definition', async () => {
      const path = await file(
        'throws-inside.ts',
        IMPORT,
        'export default defineBot((bot) => {',
        '  bot.onText(undefined.greeting, () => {});',
        '});',
      );
      expect((await refusal(path)).what).to.match(/^throws-inside\.ts:3 throws while it is loaded: .*'greeting'/);
    });

    it('a declaration that defineBot refuses', async () => {
      const path = await file(
        'typo.ts',
        IMPORT,
        'export default defineBot((bot) => {',
        '  bot.on("message.txet", () => {});',
        '});',
      );
      expect((await refusal(path)).what).to.match(/^typo\.ts:3: "message\.txet" is no event\./);
    });
  });

  it('does not guess a line where there is none to see', async () => {
    await file('broken-part.js', 'const b = ;');
    const path = await file('imports-broken.js', "import './broken-part.js';");
    expect((await refusal(path)).what).to.equal(
      "imports-broken.js, or a file that it imports, does not parse: Unexpected token ';'",
    );
    const elsewhere = await file('throws-elsewhere.js', 'throw Object.assign(new Error("odd"), { stack: "odd" });');
    expect((await refusal(elsewhere)).what).to.equal('throws-elsewhere.js throws while it is loaded: odd');
    const odd = await file('throws-text.js', 'throw "no shop today";');
    expect((await refusal(odd)).what).to.equal('throws-text.js throws while it is loaded: no shop today');
  });

  it('tells an import of what does not exist from a missing bot', async () => {
    const part = await file('no-part.ts', "import './nowhere.ts';");
    expect((await refusal(part)).what).to.match(/^no-part\.ts cannot be loaded: Cannot find module 'nowhere\.ts'/);
    const library = await file('no-package.ts', "import 'no-such-package';");
    expect((await refusal(library)).what).to.match(/^no-package\.ts cannot be loaded: .*'no-such-package'/);
  });

  it('refuses a file without a default export', async () => {
    const path = await file('silent.ts', IMPORT, 'export const bot = defineBot(() => {});');
    const { what, how } = await refusal(path);
    expect(what).to.equal('silent.ts has no default export');
    expect(how).to.include('export default defineBot(');
  });

  it('refuses a default export that defineBot did not make', async () => {
    const path = await file('function.ts', 'export default (bot) => { bot.on("message", () => {}); };');
    expect((await refusal(path)).what).to.equal('function.ts exports something that defineBot did not make');
  });

  it('refuses a bot without a handler', async () => {
    const path = await file('empty.ts', IMPORT, 'export default defineBot(() => {});');
    expect((await refusal(path)).what).to.equal('empty.ts defines a bot without a handler');
  });
});
