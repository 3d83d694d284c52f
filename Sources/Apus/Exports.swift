// What a program that embeds Apus needs to name: the snapshot, the language of configuration files, the errors.
@_exported public import ApusConfig
@_exported public import ApusModel
@_exported public import ApusProxy

@_exported public import enum ApusControl.AdminServerError
@_exported public import enum ApusControl.Version
@_exported public import func ApusControl.systemErrorText
