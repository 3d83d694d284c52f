import CApusSystem

/// How the terminal of standard input and output behaves.
public enum TerminalMode {
    /// Has every key reach the program at once, Ctrl-C too, unseen; or everything as it was before.
    public static func singleKeys(_ isOn: Bool) { _ = apus_terminal_single_keys(isOn ? 1 : 0) }

    /// How large it is; nil where it is no terminal.
    public static func size() -> (columns: Int, rows: Int)? {
        var columns: Int32 = 0
        var rows: Int32 = 0
        guard unsafe apus_terminal_size(&columns, &rows) == 0, columns > 0, rows > 0 else { return nil }
        return (Int(columns), Int(rows))
    }

    /// Blocks until a key is pressed, and says which; nil when the time is over. The end of the input reads as Ctrl-D.
    public static func key(milliseconds: Int) -> UInt8? {
        guard apus_wait(0, 0, Int32(clamping: milliseconds)) > 0 else { return nil }
        var byte: UInt8 = 0
        return unsafe read(0, &byte, 1) == 1 ? byte : 4
    }
}
