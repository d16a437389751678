import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { DevFolder } from '../support/dev-server.ts';

describe('npm run trigger', function () {
  this.timeout(120_000);

  let folder: DevFolder;
  before(async () => {
    folder = new DevFolder();
    await folder.start({ STORE: 'memory', BOT: 'examples/shop/index.ts' });
  });
  after(() => folder.remove());

  const trigger = (...args: readonly string[]) => folder.run('trigger', args);

  it('prints the acknowledgement and the reply with its buttons, and exits 0', async () => {
    const { exitCode, stdout, stderr } = await trigger('text', 'hi');
    const [sent, reply, ...rest] = stdout.split('\n');
    expect(sent).to.match(/^-> text "hi" {3}ack 200 in \d+ ms$/);
    expect(reply).to.equal(
      '<- interactive "Hello Ana Souza! What can I do for you?"   [Track my order] [See the menu] [Talk to a person]',
    );
    expect({ rest, exitCode, stderr }).to.deep.equal({ rest: [''], exitCode: 0, stderr: '' });
  });

  it('taps a button of the last message by its title, its id or its number', async () => {
    await trigger('text', 'hi');
    for (const button of ['Track my order', 'track', '1']) {
      const { exitCode, stdout } = await trigger('tap', button);
      expect(stdout).to.match(/^-> tap "Track my order" {3}ack 200 in \d+ ms\n/);
      expect(stdout).to.contain('<- text "What is the number of your order? It has four digits."\n');
      expect(exitCode).to.equal(0);
    }
  });

  it('picks a row of the list by its title, its id or its number, and shows what there is', async () => {
    const rows = '[Soup of the day] [Coffee] [Salad] [Lemonade]';
    await trigger('text', 'hi');
    expect((await trigger('tap', 'menu')).stdout).to.contain(`<- interactive "What would you like?"   ${rows}\n`);
    for (const row of ['Salad', 'dish:salad', '3']) {
      const { exitCode, stdout } = await trigger('pick', row);
      expect(stdout).to.match(/^-> pick "Salad" {3}ack 200 in \d+ ms\n<- text "Salad, with pleasure\. /);
      expect(exitCode).to.equal(0);
    }
    expect(await trigger('choices')).to.deep.equal({
      exitCode: 0,
      stdout: `"What would you like?"
   1  Soup of the day  dish:soup
   2  Coffee           dish:coffee
   3  Salad            dish:salad
   4  Lemonade         dish:lemonade
By number, title or id:  npm run trigger -- pick 1
`,
      stderr: '',
    });
    const { rows: inJson } = JSON.parse((await trigger('choices', '--json')).stdout) as { rows: object[] };
    expect(inJson[1]).to.include({ id: 'dish:coffee', title: 'Coffee' });
  });

  it('says what can be tapped or picked where something else was asked for, and exits 1', async () => {
    await trigger('text', 'hi', '--from', 'kim');
    const offered = '1 "Track my order" (track), 2 "See the menu" (menu), 3 "Talk to a person" (agent)';
    const none = (thing: string, choice: string) =>
      `There is no ${thing} "${choice}" in the bot's last interactive message to kim.\n`;
    expect(await trigger('tap', '4', '--from', 'kim')).to.deep.equal({
      exitCode: 1,
      stdout: '',
      stderr: `${none('button', '4')}  Why  It has ${offered}.\n  Fix  npm run trigger -- tap 1\n`,
    });
    const picked = await trigger('pick', 'Track my order', '--from', 'kim');
    expect(picked.stderr).to.equal(
      `${none('row', 'Track my order')}  Why  It has buttons, which are tapped: ${offered}.\n  Fix  npm run trigger -- tap 1\n`,
    );
    expect(picked.exitCode).to.equal(1);
  });

  it('sends a place, also one south and west of zero, and prints all that comes back', async () => {
    const { exitCode, stdout } = await trigger('location', '-33.45', '-70.66', 'Santiago');
    expect(stdout).to.match(
      /^-> location -33\.45, -70\.66 {3}ack 200 in \d+ ms\n<- location ""\n<- text "Your nearest store is /,
    );
    expect(exitCode).to.equal(0);
    expect((await trigger('location', '38.71,-9.14')).stdout).to.contain('Lisbon, Rua Augusta 24: 0 km away.');
    const page = await fetch(`${folder.state.simulatorUrl}/_sim/messages?customer=ana&direction=inbound`);
    const { messages } = (await page.json()) as { messages: { message: { location?: object } }[] };
    const places = messages.flatMap(({ message: { location } }) => (location === undefined ? [] : [location]));
    expect(places).to.deep.equal([
      { latitude: -33.45, longitude: -70.66, name: 'Santiago' },
      { latitude: 38.71, longitude: -9.14 },
    ]);
  });

  it('writes as Kim, who has no phone number', async () => {
    const { exitCode, stdout } = await trigger('text', 'hello', 'there', '--from', 'kim');
    expect(stdout).to.contain('-> text "hello there"').and.to.contain('"Hello Kim Park!');
    expect(exitCode).to.equal(0);
    const page = await fetch(`${folder.state.simulatorUrl}/_sim/messages?customer=kim&direction=outbound`);
    const { messages } = (await page.json()) as { messages: { request: object }[] };
    expect(messages[0]?.request)
      .to.have.property('recipient')
      .that.matches(/^US\.\d+$/);
    expect(messages[0]?.request).not.to.have.property('to');
  });

  it('prints one JSON document if asked to', async () => {
    const { exitCode, stdout } = await trigger('text', 'hi', '--json');
    const result = JSON.parse(stdout) as { deliveries: { status: number }[]; replies: { buttons: string[] }[] };
    expect(result.deliveries.map(({ status }) => status)).to.deep.equal([200]);
    expect(result.replies[0]?.buttons).to.deep.equal(['Track my order', 'See the menu', 'Talk to a person']);
    expect(exitCode).to.equal(0);
  });

  it('says that no reply came in time, and exits 124', async () => {
    const { exitCode, stdout, stderr } = await trigger('text', 'boom', '--timeout', '0.5');
    expect(stdout).to.match(/^-> text "boom" {3}ack 200 in \d+ ms\n$/);
    expect(stderr).to.equal('No reply within 0.5 s. The log of the development server says why.\n');
    expect(exitCode).to.equal(124);
  });

  it('passes on why the local Meta cannot do it, and exits 1', async () => {
    const tries = await Promise.all([
      trigger('text', 'hi', '--from', 'nobody'),
      trigger('tap', '1', '--from', 'nobody'),
    ]);
    for (const { exitCode, stderr } of tries) {
      expect(stderr).to.match(/^The local Meta refused it: No customer nobody\. There are: ana, kim/);
      expect(exitCode).to.equal(1);
    }
  });

  it('explains itself for wrong arguments and exits 2; with --help it exits 0', async () => {
    const help = await trigger('--help');
    expect(help).to.include({ exitCode: 0, stderr: '' });
    const wrong: readonly (readonly [problem: string, ...args: string[]])[] = [
      ['Say what the customer does: text, choices, tap, pick or location.'],
      ['Say what the customer writes.', 'text'],
      ['Say what to tap: a title, an id or a number.', 'tap'],
      ['There is no "image": say text, choices, tap, pick or location.', 'image', 'hi'],
      ['There is no option --unknown.', 'text', 'hi', '--unknown'],
      ['--from needs a value.', 'text', 'hi', '--from'],
      ['choices takes no words.', 'choices', 'all'],
      ['A place is a latitude from -90 to 90 and a longitude from -180 to 180.', 'location', '91', '0'],
      ['A place is a latitude from -90 to 90 and a longitude from -180 to 180.', 'location', 'Lisbon'],
      ['--timeout is a number of seconds.', 'text', 'hi', '--timeout', 'soon'],
      ['--url is an address such as http://127.0.0.1:3001.', 'text', 'hi', '--url', 'here'],
    ];
    const ends = await Promise.all(wrong.map(([, ...args]) => trigger(...args)));
    for (const [index, [problem]] of wrong.entries())
      expect(ends[index]).to.deep.equal({ exitCode: 2, stdout: '', stderr: `${problem}\n\n${help.stdout}` });
  });

  describe('without a development server', () => {
    let empty: DevFolder;
    before(() => {
      empty = new DevFolder();
    });
    after(() => empty.remove());

    const noServer = () => `No development server runs in this folder, as far as ${empty.path}/dev.json tells.
  Why  The local Meta, which sends the message, is part of it.
  Fix  Start it in another terminal:  npm run dev
       If it runs with DATA_DIR, set the same here; if in another folder, give what it prints as "local Meta":
         npm run trigger -- text "hi" --url http://127.0.0.1:3001
`;

    it('finds one of another folder by the address of its Meta', async () => {
      const url = `${folder.state.simulatorUrl}/`;
      const { exitCode, stdout } = await empty.run('trigger', ['text', 'hi', '--from', 'kim', '--url', url]);
      expect(stdout).to.contain('"Hello Kim Park!');
      expect(exitCode).to.equal(0);
    });

    it('says so when the address is that of the service', async () => {
      const { url } = folder.state;
      expect(await empty.run('trigger', ['text', 'hi', '--url', url])).to.deep.equal({
        exitCode: 4,
        stdout: '',
        stderr: `What answers at ${url} is not the local Meta.
  Why  A development server has two ports, one of the service and one of the local Meta.
  Fix  Give the address that npm run dev prints as "local Meta".
`,
      });
    });

    it('says what is missing and how to get it, and exits 4', async () => {
      expect(await empty.run('trigger', ['text', 'hi'])).to.deep.equal({ exitCode: 4, stdout: '', stderr: noServer() });
    });

    it('says the same when one has left its file behind, whole or damaged', async () => {
      for (const left of [JSON.stringify({ ...folder.state, simulatorUrl: 'http://127.0.0.1:9' }), '{"pid":', 'null']) {
        writeFileSync(join(empty.path, 'dev.json'), left);
        expect(await empty.run('trigger', ['text', 'hi'])).to.include({ exitCode: 4, stderr: noServer() });
      }
    });

    describe('that answers any more', () => {
      let halfDead: Server;
      let url: string;
      before(async () => {
        halfDead = createServer((request, response) => {
          if (request.url === '/_sim/health') response.end(JSON.stringify({ webhookUrl: `${url}/webhook/whatsapp` }));
          else request.socket.destroy();
        });
        await new Promise<void>((resolve) => halfDead.listen(0, '127.0.0.1', resolve));
        url = `http://127.0.0.1:${(halfDead.address() as AddressInfo).port}`;
      });
      after(() => void halfDead.close());

      it('says so and exits 4', async () => {
        writeFileSync(join(empty.path, 'dev.json'), JSON.stringify({ ...folder.state, url, simulatorUrl: url }));
        const { exitCode, stderr } = await empty.run('trigger', ['text', 'hi']);
        expect(stderr).to.equal(
          `The local Meta at ${url} does not answer.\n  Why  Nothing listens there, or it is halted.\n  Fix  Stop the development server and start it again.\n`,
        );
        expect(exitCode).to.equal(4);
      });
    });
  });
});
