/** In the words of the commands: what Node's `parseArgs` says is long, and about words that begin with a dash. */
export function argumentProblem(error: unknown): string {
  if (!(error instanceof Error)) return 'The arguments make no sense.';
  const { message } = error;
  const [, unknown] = /^Unknown option '([^']+)'/.exec(message) ?? [];
  if (unknown !== undefined) return `There is no option ${unknown}.`;
  const [, word] = /^Unexpected argument '(.*)'\. This command/s.exec(message) ?? [];
  if (word !== undefined) return `"${word}" is no option, and this command takes nothing else.`;
  const [option] = /--[\w-]+/.exec(message) ?? [];
  if (option === undefined) return `${message.split('\n', 1)[0]}`;
  return message.includes('does not take') ? `${option} takes no value.` : `${option} needs a value.`;
}
