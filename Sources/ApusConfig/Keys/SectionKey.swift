/// A key of a section: what it is called, what may stand for it, its default, and what it means. It is said here, once.
struct SectionKey<Owner: Sendable>: Sendable {
    let name: String
    /// A sentence for the author of a file.
    let about: String
    let shape: Shape
    /// What the reference calls the values; nil for what the shape says.
    let words: String?
    /// An example of the key's value; nil for a key that may be left out.
    let example: String?
    /// How the reference and editors describe the default; nil for the value that `Owner.usual` has.
    let usually: String?
    let change: KeyChange
    /// Puts what was written into the owner; false when it cannot be read, and there is an error in the findings then.
    let read: @Sendable (Field, inout Owner, inout Findings) -> Bool
    /// What the owner has, in the words of the configuration; nil when there is nothing to tell.
    var told: @Sendable (Owner) -> Settings.Value?
    /// Whether the owner has the default; nil where that is what `Owner.usual` has.
    var isDefault: (@Sendable (Owner) -> Bool)?
    /// Gives another owner what this one has.
    let copy: @Sendable (Owner, inout Owner) -> Void

    /// A key whose value is a property of the owner.
    ///
    /// - Parameters:
    ///   - needed: an example of the value, for a key that must be written.
    ///   - usually: what the default is where the property does not say it.
    init<Value>(
        _ name: String, _ path: any WritableKeyPath<Owner, Value> & Sendable, _ kind: Kind<Value>, _ about: String = "",
        needed example: String? = nil, usually: String? = nil, change: KeyChange = .reload
    ) {
        self.init(
            name, kind.shape, about, words: kind.words, needed: example, usually: usually, change: change,
            told: { kind.told($0[keyPath: path]) },
            read: { field, owner, findings in
                guard let value = kind.read(field, &findings) else { return false }
                owner[keyPath: path] = value
                return true
            },
            copy: { one, other in other[keyPath: path] = one[keyPath: path] })
    }

    /// A key that is read and told in its own way: by `read`, or, where its value depends on others, by the owner's
    /// `check`.
    init(
        _ name: String, _ shape: Shape, _ about: String = "", words: String? = nil, needed example: String? = nil,
        usually: String? = nil, change: KeyChange = .reload,
        told: @escaping @Sendable (Owner) -> Settings.Value? = { _ in nil },
        isDefault: (@Sendable (Owner) -> Bool)? = nil,
        read: @escaping @Sendable (Field, inout Owner, inout Findings) -> Bool = { _, _, _ in true },
        copy: @escaping @Sendable (Owner, inout Owner) -> Void = { _, _ in }
    ) {
        self.name = name
        self.about = about
        self.shape = shape
        self.words = words
        self.example = example
        self.usually = usually
        self.change = change
        self.read = read
        self.told = told
        self.isDefault = isDefault
        self.copy = copy
    }

    /// The key, as one of a section that has this one's owner in it.
    func within<Outer: Sendable>(
        _ path: any WritableKeyPath<Outer, Owner> & Sendable
    ) -> SectionKey<Outer> {
        let inner = self
        var isDefault: (@Sendable (Outer) -> Bool)?
        if let isUsual = inner.isDefault { isDefault = { outer in isUsual(outer[keyPath: path]) } }
        return SectionKey<Outer>(
            name, shape, about, words: words, needed: example, usually: usually, change: change,
            told: { outer in inner.told(outer[keyPath: path]) }, isDefault: isDefault,
            read: { (field: Field, outer: inout Outer, findings: inout Findings) in
                inner.read(field, &outer[keyPath: path], &findings)
            },
            copy: { (one: Outer, other: inout Outer) in inner.copy(one[keyPath: path], &other[keyPath: path]) })
    }

    /// The key, told only where it has an effect.
    func told(when hasEffect: @escaping @Sendable (Owner) -> Bool) -> SectionKey<Owner> {
        var key = self
        let told = self.told
        key.told = { hasEffect($0) ? told($0) : nil }
        return key
    }

    /// The key with a default of its own, where the owner can be of several kinds.
    func usual(when isDefault: @escaping @Sendable (Owner) -> Bool) -> SectionKey<Owner> {
        var key = self
        key.isDefault = isDefault
        return key
    }
}

extension SectionKey where Owner: Keyed {
    /// What is said of the key, whatever it belongs to.
    var described: KeyDescription {
        KeyDescription(
            name: name, shape: shape, about: about, words: words ?? shape.words,
            usual: example == nil ? usually ?? usualWord : nil, example: example, change: change)
    }

    /// The default as it would be written; nil for a section, whose keys have defaults of their own.
    private var usualWord: String? {
        switch told(Owner.usual) {
        case .word(let word): word
        case .section: ""
        case .concealed, nil: "none"
        }
    }
}

/// What has to happen until a change of a key's value has an effect.
enum KeyChange: Sendable {
    case reload
    /// A running process cannot change it about itself: a new one has to take over.
    case upgrade
    /// A successor inherits it: only a start from outside changes it.
    case restart
}

/// A key as the reference and editors show it.
struct KeyDescription: Sendable {
    let name: String
    let shape: Shape
    let about: String
    /// What may stand for it, in the reference's words.
    let words: String
    /// The default; nil for a key that must be written, empty for a section that has none of its own.
    let usual: String?
    /// An example of the value, for a key that must be written.
    var example: String?
    let change: KeyChange
}
