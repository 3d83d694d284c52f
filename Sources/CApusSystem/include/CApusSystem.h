// The system calls that Swift's Glibc overlay does not show or shows awkwardly, as inline functions. No logic here.
#pragma once
