// What a program that embeds Apus needs to name: the snapshot, the language of configuration files, what controls give,
// the errors.
@_exported public import ApusConfig
@_exported public import ApusModel
@_exported public import ApusProxy

@_exported public import enum ApusControl.AdminServerError
@_exported public import struct ApusControl.Adoption
@_exported public import enum ApusControl.ConfigurationRefusal
@_exported public import class ApusControl.Live
@_exported public import struct ApusControl.Revision
@_exported public import class ApusControl.RunningConfiguration
@_exported public import enum ApusControl.Version
@_exported public import func ApusControl.systemErrorText
