/** A rejection that nobody awaited fails the test in whose time it surfaced; mocha alone would let it pass. */
const floating: unknown[] = [];
process.on('unhandledRejection', (reason) => floating.push(reason));

export const mochaHooks = {
  afterEach(): void {
    const first = floating.splice(0)[0];
    if (first !== undefined) throw first;
  },
};
