/** How much of a fault a test does, for longer runs than usual: the variable of this name, else `usual`. */
export function sizeOf(name: string, usual: number): number {
  return Number(process.env[name] ?? usual);
}
