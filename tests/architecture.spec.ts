import { createRequire } from 'node:module';
import { expect } from 'chai';
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser';
import extractDepcruiseConfig from 'dependency-cruiser/config-utl/extract-depcruise-config';

async function cruiseSource(): Promise<ICruiseResult> {
  const config = (await extractDepcruiseConfig('./.dependency-cruiser.cjs')) as ICruiseOptions;
  const { output } = await cruise(['src'], config);
  return output as ICruiseResult;
}

describe('Architecture', () => {
  let result: ICruiseResult;
  before(async function () {
    this.timeout(120_000);
    result = await cruiseSource();
  });

  it('was read: every folder of src is among the modules seen, with its imports', () => {
    const seen = result.modules.map((module) => module.source);
    for (const folder of [
      'core',
      'adapters/meta',
      'adapters/postgres',
      'adapters/redis',
      'http',
      'bot',
      'simulator',
      'cli',
      'testing',
    ])
      expect(
        seen.some((source) => source.startsWith(`src/${folder}/`)),
        folder,
      ).to.equal(true);
    expect(result.summary.totalCruised).to.be.greaterThan(40);
    expect(result.summary.totalDependenciesCruised).to.be.greaterThan(100);
  });

  it('keeps every import inside the walls', () => {
    const violations = result.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
    expect(violations).to.deep.equal([]);
  });

  it('pins every package to one exact version', () => {
    const packageJson = createRequire(import.meta.url)('../package.json') as Record<string, Record<string, string>>;
    const versions = { ...packageJson['dependencies'], ...packageJson['devDependencies'] };
    for (const [name, version] of Object.entries(versions)) expect(version, name).to.match(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  });
});
