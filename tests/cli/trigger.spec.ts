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
    await folder.start({ STORE: 'memory' });
  });
  after(() => folder.remove());

  const trigger = (...args: readonly string[]) => folder.run('trigger', args);

  it('prints the acknowledgement and the reply with its buttons, and exits 0', async () => {
    const { exitCode, stdout, stderr } = await trigger('text', 'hi');
    const [sent, reply, ...rest] = stdout.split('\n');
    expect(sent).to.match(/^-> text "hi" {3}ack 200 in \d+ ms$/);
    expect(reply).to.equal(
      '<- interactive "Hello Ana Souza! What can I do for you?"   [Track my order] [Talk to a person]',
    );
    expect({ rest, exitCode, stderr }).to.deep.equal({ rest: [''], exitCode: 0, stderr: '' });
  });

  it('taps a button of the last message', async () => {
    await trigger('text', 'hi');
    const { exitCode, stdout } = await trigger('tap', 'Track my order');
    expect(stdout).to.match(/^-> tap "Track my order" {3}ack 200 in \d+ ms\n/);
    expect(stdout).to.contain('<- text "Your order is on its way and arrives tomorrow."\n');
    expect(exitCode).to.equal(0);
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
    expect(result.replies[0]?.buttons).to.deep.equal(['Track my order', 'Talk to a person']);
    expect(exitCode).to.equal(0);
  });

  it('says that no reply came in time, and exits 124', async () => {
    const { exitCode, stdout, stderr } = await trigger('text', 'boom', '--timeout', '0.5');
    expect(stdout).to.match(/^-> text "boom" {3}ack 200 in \d+ ms\n$/);
    expect(stderr).to.equal('No reply within 0.5 s. The log of the development server says why.\n');
    expect(exitCode).to.equal(124);
  });

  it('passes on why the local Meta cannot do it, and exits 1', async () => {
    const [button, customer] = await Promise.all([trigger('tap', 'Fly'), trigger('text', 'hi', '--from', 'nobody')]);
    expect(button.stderr).to.match(/^The local Meta refused the message: No button Fly /);
    expect(customer.stderr).to.match(/^The local Meta refused the message: No customer nobody\. There are: ana, kim/);
    expect([button.exitCode, customer.exitCode]).to.deep.equal([1, 1]);
  });

  it('explains itself for wrong arguments and exits 2; with --help it exits 0', async () => {
    const wrong = await Promise.all([
      trigger(),
      trigger('text'),
      trigger('image', 'hi'),
      trigger('text', 'hi', '--timeout', 'soon'),
      trigger('text', 'hi', '--unknown'),
    ]);
    for (const { exitCode, stdout, stderr } of wrong) {
      expect(stderr).to.contain('npm run trigger -- text "hi"');
      expect({ exitCode, stdout }).to.deep.equal({ exitCode: 2, stdout: '' });
    }
    const help = await trigger('--help');
    expect(help.stdout).to.equal(wrong[0]?.stderr);
    expect(help).to.include({ exitCode: 0, stderr: '' });
  });

  describe('without a development server', () => {
    let empty: DevFolder;
    before(() => {
      empty = new DevFolder();
    });
    after(() => empty.remove());

    const noServer =
      'No development server runs in this folder.\n  Why  The local Meta, which sends the message, is part of it.\n  Fix  Start it in another terminal:  npm run dev\n';

    it('says what is missing and how to get it, and exits 4', async () => {
      expect(await empty.run('trigger', ['text', 'hi'])).to.deep.equal({ exitCode: 4, stdout: '', stderr: noServer });
    });

    it('says the same when one has left its file behind, whole or damaged', async () => {
      for (const left of [JSON.stringify({ ...folder.state, simulatorUrl: 'http://127.0.0.1:9' }), '{"pid":', 'null']) {
        writeFileSync(join(empty.path, 'dev.json'), left);
        expect(await empty.run('trigger', ['text', 'hi'])).to.include({ exitCode: 4, stderr: noServer });
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
          `The local Meta at ${url} does not answer.\n  Fix  Stop the development server and start it again.\n`,
        );
        expect(exitCode).to.equal(4);
      });
    });
  });
});
