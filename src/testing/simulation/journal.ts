/**
 * The order of all changes of a simulated disk, and how far the journal of its file system has written them down.
 *
 * Always true: what has a number up to `written` is durable where changes of names and sizes are journaled in their
 * order, as ext4 and NTFS do it; a power cut keeps a prefix of the numbers after it. A sync of a file or of a directory
 * writes down all that came before it.
 */
export class Journal {
  last = 0;
  written = 0;

  next(): number {
    return ++this.last;
  }

  write(covered: number): void {
    this.written = Math.max(this.written, covered);
  }
}
